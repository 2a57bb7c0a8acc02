"""WeChat's `code2Session`: what a mini-program's login code stands for.

The code is used up by the call, so it is made once, and again only where the connection failed before WeChat
can have answered. Never call it inside a transaction: it goes over the network.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import httpx
import structlog
from django.conf import settings

from members.errors import (
    WechatCodeInvalid,
    WechatMisconfigured,
    WechatUnavailable,
    WechatUserBlocked,
)

TIMEOUT_S = 3.0
ATTEMPTS = 2
CODE_INVALID = {40029, 40163, 41008}
BUSY = {-1, 45011}
USER_BLOCKED = {40226}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """Who signed in: `openid` within the app, `unionid` across the brand's apps where WeChat tells it."""

    app_id: str
    openid: str
    unionid: str | None


def login(*, app_id: str, secret: str, code: str) -> Login:
    """Exchange a code of `wx.login`.

    Raises WechatCodeInvalid, WechatUserBlocked, WechatUnavailable, WechatMisconfigured.
    """
    answer = _answer({"appid": app_id, "secret": secret, "js_code": code, "grant_type": "authorization_code"})
    number = answer.get("errcode") or 0
    if number:
        _refuse(number, app_id, str(answer.get("errmsg", "")))
    openid, unionid = answer.get("openid"), answer.get("unionid")
    if not isinstance(openid, str) or not openid:
        log.error("wechat_answer_without_openid", app_id=app_id)
        raise WechatUnavailable
    return Login(app_id, openid, unionid if isinstance(unionid, str) and unionid else None)


def _answer(query: dict[str, str]) -> dict[str, Any]:
    url = f"{settings.WECHAT_API_URL}/sns/jscode2session"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = _client().get(url, params=query)
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            # httpx's words may hold the address and with it the secret: only the kind of error is logged.
            log.warning("wechat_unreachable", attempt=attempt, error=type(error).__name__)
            continue
        except httpx.HTTPError as error:
            log.warning("wechat_unreachable", attempt=attempt, error=type(error).__name__)
            break
        return _read(response)
    raise WechatUnavailable


def _read(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        content = None
    if response.status_code != httpx.codes.OK or not isinstance(content, dict):
        log.warning("wechat_answered_badly", status=response.status_code)
        raise WechatUnavailable
    return content


def _refuse(number: Any, app_id: str, message: str) -> NoReturn:
    if number in CODE_INVALID:
        raise WechatCodeInvalid(wechat_errcode=number)
    if number in USER_BLOCKED:
        raise WechatUserBlocked(wechat_errcode=number)
    if number in BUSY:
        log.warning("wechat_busy", app_id=app_id, errcode=number)
        raise WechatUnavailable(wechat_errcode=number)
    log.error("wechat_misconfigured", app_id=app_id, errcode=number, errmsg=message[:200])
    raise WechatMisconfigured(wechat_errcode=number)


@cache
def _client() -> httpx.Client:
    # Proxies of the environment are for production; beside it WeChat is a server on this machine.
    return httpx.Client(timeout=TIMEOUT_S, trust_env=settings.PRODUCTION, follow_redirects=False)
