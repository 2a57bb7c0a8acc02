"""Signing in: from what proves a person to a member with a pair of tokens."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import crypto
from loyalty.lib.errors import Invalid
from loyalty.lib.idempotency import retried
from members import tokens, wechat
from members.errors import WechatNotEnabled
from members.identities import Key
from members.services.enrol import enrol
from members.tokens import Pair
from tenants.context import current_brand

WECHAT_SOURCE = "wechat"


def sign_in_with_wechat(*, code: str, app_id: str | None, device_id: str, now: datetime) -> tuple[Pair, bool]:
    """Tokens for whoever WeChat says has logged in, enrolled if new; and whether they are new.

    WeChat is asked before any transaction begins. Raises WechatNotEnabled, WechatCodeInvalid,
    WechatUnavailable, WechatMisconfigured, WechatUserBlocked, MemberNotActive, IdentityConflict, and
    Invalid for an app that is not this brand's.
    """
    brand = current_brand()
    own_app, sealed = str(brand.setting("wechat_app_id")), str(brand.setting("wechat_secret"))
    if not own_app or not sealed:
        raise WechatNotEnabled
    if app_id is not None and app_id != own_app:
        raise Invalid.at("/app_id", "unknown", _("This brand has no such app."))
    login = wechat.login(app_id=own_app, secret=crypto.unseal(sealed), code=code)
    keys = [Key("openid", login.openid, login.app_id)]
    if login.unionid:
        keys.append(Key("unionid", login.unionid))
    key = tokens.signing_key(now)

    def work() -> tuple[Pair, bool]:
        with transaction.atomic():
            member, created = enrol(keys=keys, source=WECHAT_SOURCE, verified=True, now=now)
            return tokens.start(member=member, key=key, device_id=device_id, now=now), created

    return retried(work)


def refresh(*, refresh_token: str, device_id: str, now: datetime) -> Pair:
    """A new pair for a refresh token, which is used up by it. Raises RefreshTokenInvalid."""
    key = tokens.signing_key(now)
    return tokens.rotate(token=refresh_token, key=key, device_id=device_id, now=now)


def sign_out(*, refresh_token: str, now: datetime) -> None:
    """End the session of a refresh token. Unknown ones are ignored; repeating is harmless."""
    tokens.end(token=refresh_token, now=now)
