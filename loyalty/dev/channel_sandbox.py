"""A stand-in for the providers of messages, each speaking as the real one does, over one port.

    python loyalty/dev/channel_sandbox.py --port 9002

WeChat (`/cgi-bin/stable_token`, `message/subscribe/send`, `message/template/send`), WeCom
(`/cgi-bin/gettoken`, `externalcontact/add_msg_template`), text messages (`POST /` with ACS3-HMAC-SHA256) and
JPush (`/v3/push`).
`GET /` shows what arrived, newest first; `GET /messages` gives it as JSON.

What a sender must be ready for is provoked by the address (of a text message: a number 1380000….):

    …-busy, 001   try later        …-gone, 002   no such address       …-noconsent   43101
    …-broken, 003 taken, and the connection cut without an answer      …-down, 004   HTTP 503
"""

import argparse
import base64
import hashlib
import hmac
import html
import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

SECRET: Final = "sandbox-secret"
APP_ID: Final = "wx-demo-0001"
OFFICIAL_APP_ID: Final = "wx-demo-official"
CORP_ID: Final = "ww-demo-0001"
ACCESS_KEY: Final = "sandbox-key"
PUSH_KEY: Final = "sandbox-push"
SIGNATURES: Final = ("鲜集超市", "Acme")
KEPT: Final = 5000
PROVOKED: Final = {"busy": "001", "gone": "002", "noconsent": "009", "broken": "003", "down": "004"}


class Cut(Exception):
    """The connection is to be closed without an answer."""


class Sandbox:
    """What the providers know and were sent. `subscriptions` limits WeChat's consents where it is set."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.tokens: dict[str, str] = {}
        self.token_calls = 0
        self.subscriptions: dict[tuple[str, str], int] | None = None
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def expire_tokens(self) -> None:
        """Every token that was given out is refused from now on."""
        with self._lock:
            self.tokens.clear()

    def answer(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """The status and body of an answer. Raises Cut."""
        posted = _json(body)
        match path:
            case "/cgi-bin/stable_token":
                return 200, self._stable_token(posted)
            case "/cgi-bin/gettoken":
                return 200, self._wecom_token(query)
            case "/cgi-bin/message/subscribe/send" | "/cgi-bin/message/template/send":
                return self._wechat(path, query, posted)
            case "/cgi-bin/externalcontact/add_msg_template":
                return self._wecom(query, posted)
            case "/v3/push":
                return self._push(posted, headers)
            case "/" if method == "POST":
                return self._sms(query, headers)
        return 404, {"errcode": 404, "errmsg": "not found"}

    # --- tokens ------------------------------------------------------------------------------------------
    def _stable_token(self, posted: dict[str, Any]) -> dict[str, Any]:
        if posted.get("grant_type") != "client_credential":
            return {"errcode": 40002, "errmsg": "invalid grant_type"}
        if posted.get("appid") not in (APP_ID, OFFICIAL_APP_ID):
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if posted.get("secret") != SECRET:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        return {
            **self._token(str(posted["appid"]), forced=bool(posted.get("force_refresh"))),
            "expires_in": 7200,
        }

    def _wecom_token(self, query: dict[str, str]) -> dict[str, Any]:
        if query.get("corpid") != CORP_ID:
            return {"errcode": 40013, "errmsg": "invalid corpid"}
        if query.get("corpsecret") != SECRET:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        return {"errcode": 0, "errmsg": "ok", **self._token(CORP_ID, forced=False), "expires_in": 7200}

    def _token(self, app: str, *, forced: bool) -> dict[str, Any]:
        with self._lock:
            self.token_calls += 1
            if forced or app not in self.tokens:
                self.tokens[app] = f"token-{app}-{self.token_calls}"
            return {"access_token": self.tokens[app]}

    def _knows(self, token: str | None, *apps: str) -> bool:
        return token is not None and token in [self.tokens.get(app) for app in apps]

    # --- sending -----------------------------------------------------------------------------------------
    def _wechat(self, path: str, query: dict[str, str], posted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        subscribe = path.endswith("subscribe/send")
        if not self._knows(query.get("access_token"), APP_ID if subscribe else OFFICIAL_APP_ID):
            return 200, {
                "errcode": 40001,
                "errmsg": "invalid credential, access_token is invalid or not latest",
            }
        who = str(posted.get("touser", ""))
        if not posted.get("template_id") or not isinstance(posted.get("data"), dict):
            return 200, {"errcode": 47003, "errmsg": "argument invalid"}
        provoked = _provoked(who)
        if provoked == "down":
            return 503, {}
        if provoked == "busy":
            return 200, {"errcode": -1, "errmsg": "system error"}
        if provoked == "gone":
            return 200, {"errcode": 40003, "errmsg": "invalid openid"}
        if subscribe and (provoked == "noconsent" or not self._allowed(who, str(posted["template_id"]))):
            return 200, {"errcode": 43101, "errmsg": "user refuse to accept the msg"}
        again = self._again(f"{who} {posted['client_msg_id']}") if posted.get("client_msg_id") else False
        if not again:
            texts = {name: each.get("value") for name, each in posted["data"].items()}
            link = {"page": posted.get("page", ""), "url": posted.get("url", "")}
            self._arrived(
                "wechat_subscribe" if subscribe else "wechat_official",
                who,
                texts,
                template=str(posted["template_id"]),
                **{name: value for name, value in link.items() if value},
            )
        if provoked == "broken":
            raise Cut
        return 200, {"errcode": 0, "errmsg": "ok", "msgid": len(self.messages)}

    def _allowed(self, who: str, template: str) -> bool:
        if self.subscriptions is None:
            return True
        with self._lock:
            left = self.subscriptions.get((who, template), 0)
            self.subscriptions[(who, template)] = max(0, left - 1)
            return left > 0

    def _wecom(self, query: dict[str, str], posted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self._knows(query.get("access_token"), CORP_ID):
            return 200, {"errcode": 42001, "errmsg": "access_token expired"}
        who = str((posted.get("external_userid") or [""])[0])
        provoked = _provoked(who)
        if provoked == "down":
            return 503, {}
        if provoked == "busy":
            return 200, {"errcode": 45033, "errmsg": "api concurrent out of limit"}
        if provoked == "gone":
            return 200, {"errcode": 0, "errmsg": "ok", "fail_list": [who], "msgid": "msg-0"}
        self._arrived("wecom", who, {"text": posted.get("text", {}).get("content", "")})
        if provoked == "broken":
            raise Cut
        return 200, {"errcode": 0, "errmsg": "ok", "fail_list": [], "msgid": f"msg-{len(self.messages)}"}

    def _push(self, posted: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        pair = base64.b64encode(f"{PUSH_KEY}:{SECRET}".encode()).decode()
        if headers.get("authorization") != f"Basic {pair}":
            return 401, {"error": {"code": 1004, "message": "Authen failed"}}
        who = str((posted.get("audience", {}).get("registration_id") or [""])[0])
        provoked = _provoked(who)
        if provoked == "down":
            return 503, {}
        if provoked == "busy":
            return 429, {"error": {"code": 2002, "message": "Request times of the app_key exceed the limit"}}
        if provoked == "gone":
            return 400, {"error": {"code": 1011, "message": "cannot find user by this audience"}}
        shown = posted.get("notification", {}).get("android", {})
        self._arrived("push", who, {"title": shown.get("title", ""), "text": shown.get("alert", "")})
        if provoked == "broken":
            raise Cut
        return 200, {"sendno": "0", "msg_id": str(len(self.messages))}

    def _sms(self, query: dict[str, str], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        wrong = _wrong_signature(query, headers)
        if wrong:
            return 400, {"Code": wrong, "Message": wrong, "RequestId": "sandbox"}
        who = query.get("PhoneNumbers", "")
        if query.get("SignName") not in SIGNATURES:
            return 200, {"Code": "isv.SMS_SIGNATURE_ILLEGAL", "Message": "该账号下找不到对应签名"}
        provoked = _provoked(who)
        if provoked == "down":
            return 503, {}
        if provoked == "busy":
            return 200, {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发小时级流控Permits:5"}
        if provoked == "gone":
            return 200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "手机号格式错误"}
        texts = json.loads(query.get("TemplateParam") or "{}")
        self._arrived(
            "sms", who, texts, template=query.get("TemplateCode", ""), signature=query["SignName"],
            out_id=query.get("OutId", ""),
        )  # fmt: skip
        if provoked == "broken":
            raise Cut
        number = f"biz-{len(self.messages)}"
        return 200, {"Code": "OK", "Message": "OK", "BizId": number, "RequestId": "sandbox"}

    # --- what arrived ------------------------------------------------------------------------------------
    def _arrived(self, channel: str, to: str, texts: dict[str, Any], **more: str) -> None:
        with self._lock:
            self.messages.append({"channel": channel, "to": to, "fields": texts, "at": time.time(), **more})

    def _again(self, number: str) -> bool:
        with self._lock:
            seen = self._seen.get(number)
            self._seen[number] = time.monotonic()
            return seen is not None and time.monotonic() - seen < 600


def _provoked(address: str) -> str:
    for name, digits in PROVOKED.items():
        if address.endswith(f"-{name}") or (address.startswith("1380000") and address.endswith(digits)):
            return name
    return ""


def _wrong_signature(query: dict[str, str], headers: dict[str, str]) -> str:
    """Why an ACS3-HMAC-SHA256 signature does not hold; '' if it does."""
    given = headers.get("authorization", "")
    parts = dict(
        part.split("=", 1) for part in given.removeprefix("ACS3-HMAC-SHA256 ").split(",") if "=" in part
    )
    if parts.get("Credential") != ACCESS_KEY:
        return "InvalidAccessKeyId.NotFound"
    names = parts.get("SignedHeaders", "")
    asked = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(query.items()))
    lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in names.split(";"))
    canonical = f"POST\n/\n{asked}\n{lines}\n{names}\n{headers.get('x-acs-content-sha256', '')}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    real = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return "" if hmac.compare_digest(real, parts.get("Signature", "")) else "SignatureDoesNotMatch"


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def page(messages: list[dict[str, Any]]) -> str:
    """What arrived, for people."""
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{html.escape(text)}</td>"
            for text in (
                time.strftime("%H:%M:%S", time.localtime(each["at"])),
                each["channel"],
                each["to"],
                json.dumps(each["fields"], ensure_ascii=False),
            )
        )
        for each in reversed(messages)
    )
    return (
        "<!doctype html><meta charset=utf-8><title>Messages that arrived</title>"
        "<style>body{font:14px sans-serif;margin:2em}td{padding:.3em 1em}</style>"
        f"<h1>Messages that arrived: {len(messages)}</h1><table>{rows}</table>"
    )


def server(port: int, sandbox: Sandbox | None = None, *, tell: bool = True) -> ThreadingHTTPServer:
    """An HTTP server on 127.0.0.1, not yet serving. With `tell` it prints a line for each request."""
    known = sandbox or Sandbox()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/":
                self._send(200, page(list(known.messages)).encode(), "text/html; charset=utf-8")
            elif parts.path == "/messages":
                self._send(
                    200, json.dumps(list(known.messages), ensure_ascii=False).encode(), "application/json"
                )
            else:
                self._answer(parts.path, dict(parse_qsl(parts.query)), b"")

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), body)

        def _answer(self, path: str, query: dict[str, str], body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, content = known.answer(self.command, path, query, body, headers)
            except Cut:
                self.close_connection = True
                self.connection.close()
                return
            self._send(status, json.dumps(content, ensure_ascii=False).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, _format: str, *args: Any) -> None:
            """The query holds tokens: only the path and the status are told."""
            if tell:
                status = args[1] if len(args) > 1 else ""
                print(f"{self.command} {urlsplit(self.path).path} {status}", flush=True)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A stand-in for the providers of messages.")
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    print(f"Message providers' sandbox on http://127.0.0.1:{chosen.port}", flush=True)
    server(chosen.port).serve_forever()


if __name__ == "__main__":
    main()
