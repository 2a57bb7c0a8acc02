"""Signing in: from what proves a person to a member with a pair of tokens."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import crypto
from loyalty.lib.errors import Invalid
from loyalty.lib.transactions import retried
from loyalty.outbox import services as outbox
from members import tokens, wechat
from members.errors import WechatNotEnabled
from members.identities import Key
from members.models import Member
from members.services.enrol import enrol as enrol_member
from members.services.enrol import referrer_of
from members.tokens import Pair
from tenants.context import current_brand
from tenants.models import Brand

WECHAT_SOURCE = "wechat"
Enrol = Callable[..., tuple[Member, bool]]


def sign_in_with_wechat(
    *,
    code: str,
    app_id: str | None,
    device_id: str,
    now: datetime,
    referrer_code: str | None = None,
    enrol: Enrol = enrol_member,
) -> tuple[Pair, bool]:
    """Tokens for whoever WeChat says has logged in, enrolled if new; and whether they are new.

    `referrer_code` says who brought somebody new; `enrol` is what enrols them. WeChat is asked before any
    transaction begins. Raises WechatNotEnabled, WechatCodeInvalid, WechatUnavailable, WechatMisconfigured,
    WechatUserBlocked, MemberNotActive, IdentityConflict, and Invalid for an app that is not this brand's or
    a referral code that nobody has.
    """
    # A code of `wx.login` serves once, so what would refuse the call is looked at before it is used up.
    referrer_of(referrer_code)
    brand = current_brand()
    own_app, secret = _wechat_app(brand)
    if app_id is not None and app_id != own_app:
        raise Invalid.at("/app_id", "unknown", _("This brand has no such app."))
    login = wechat.login(app_id=own_app, secret=secret, code=code)
    keys = [Key("openid", login.openid, login.app_id)]
    if login.unionid:
        keys.append(Key("unionid", login.unionid))
    key = tokens.signing_key(now)

    def work() -> tuple[Pair, bool]:
        with transaction.atomic():
            member, created = enrol(
                keys=keys, source=WECHAT_SOURCE, verified=True, referrer_code=referrer_code, now=now
            )
            outbox.publish(
                type="member.signed_in",
                payload={"member_id": str(member.id), "by": WECHAT_SOURCE},
                member_id=member.id,
                occurred_at=now,
            )
            return tokens.start(member=member, key=key, device_id=device_id, now=now), created

    return retried(work)


def _wechat_app(brand: Brand) -> tuple[str, str]:
    app_id, sealed = str(brand.setting("wechat_app_id")), str(brand.setting("wechat_secret"))
    if app_id and sealed:
        return app_id, crypto.unseal(sealed)
    # In development every brand may sign members in through the sandbox without setting anything up.
    if settings.WECHAT_SANDBOX_APP:
        app_id, secret = settings.WECHAT_SANDBOX_APP
        return app_id, secret
    raise WechatNotEnabled


def refresh(*, refresh_token: str, device_id: str, now: datetime) -> Pair:
    """A new pair for a refresh token, which is used up by it. Raises RefreshTokenInvalid."""
    key = tokens.signing_key(now)
    return tokens.rotate(token=refresh_token, key=key, device_id=device_id, now=now)


def sign_out(*, refresh_token: str, now: datetime) -> None:
    """End the session of a refresh token. Unknown ones are ignored; repeating is harmless."""
    tokens.end(token=refresh_token, now=now)
