"""What members' services refuse."""

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import NotFound, Refusal


class MemberNotFound(NotFound):
    """No member has this id or identity, and the brand does not enrol by order."""

    code = "member_not_found"
    title = _("No member has this id or identity.")


class IdentityConflict(Refusal):
    """The identities belong to different members; merging them is a decision of its own."""

    code = "identity_conflict"
    status = 409
    title = _("These identities belong to different members.")


class MemberNotActive(Refusal):
    """The member was merged into another or closed the account."""

    code = "member_not_active"
    status = 409
    title = _("This member was merged or closed.")


class WechatCodeInvalid(Refusal):
    """WeChat does not know the login code, or it was used before."""

    code = "wechat_code_invalid"
    status = 401
    title = _("WeChat did not accept the login code. Call wx.login again.")


class WechatUnavailable(Refusal):
    """WeChat did not answer in time or is limiting the calls."""

    code = "wechat_unavailable"
    status = 503
    retryable = True
    title = _("WeChat did not answer. Please try again.")


class WechatMisconfigured(Refusal):
    """WeChat does not accept the brand's app id or secret: an operator has to correct them."""

    code = "wechat_misconfigured"
    status = 502
    title = _("WeChat did not accept this brand's app. The operator has to check its settings.")


class WechatNotEnabled(Refusal):
    """The brand has no WeChat mini-program."""

    code = "wechat_not_enabled"
    status = 409
    title = _("This brand does not offer signing in with WeChat.")


class WechatUserBlocked(Refusal):
    """WeChat regards the user as a risk and does not let them sign in to mini-programs."""

    code = "wechat_user_blocked"
    status = 403
    title = _("WeChat does not let this user sign in.")


class RefreshTokenInvalid(Refusal):
    """The refresh token is unknown, expired, revoked or was used before."""

    code = "refresh_token_invalid"
    status = 401
    title = _("The refresh token is not valid. Please sign in again.")
