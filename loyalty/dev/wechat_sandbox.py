"""A stand-in for WeChat's `GET /sns/jscode2session`, speaking as the real one does.

    python loyalty/dev/wechat_sandbox.py --port 9001

Codes are deterministic. `demo-NAME` signs in openid `o-NAME` as often as wanted; any other code signs in
`o-CODE` once. What a caller must be ready for can be provoked:

    busy-…      45011, too many attempts            -1-…        -1, the system is busy
    bad-…       40029, not a code                   blocked-…   40226, a high-risk user
    the same code again (but for demo-…)            40163, the code has been used
    an unknown appid                                40013;  a wrong secret  40125
    no appid, secret, code or grant_type            41002, 41004, 41008, 40002
"""

import argparse
import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

APP_ID: Final = "wx-demo-0001"
SECRET: Final = "sandbox-secret"
MOST_USED_CODES: Final = 100_000

PROVOKED: Final = {
    "busy-": (45011, "api minute-quota reach limit  mustslower  retry next minute"),
    "-1-": (-1, "system error"),
    "bad-": (40029, "invalid code"),
    "blocked-": (40226, "code blocked"),
}


def refusal(number: int, message: str) -> dict[str, Any]:
    """WeChat's way to say no: HTTP 200 with an error code; `rid` names the request."""
    return {"errcode": number, "errmsg": f"{message}, rid: 00000000-00000000-00000000"}


class Sandbox:
    """Decides what a call is answered; remembers which codes have been used."""

    def __init__(self, apps: dict[str, str]) -> None:
        self.apps = apps
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, query: dict[str, str]) -> dict[str, Any]:
        """The body of the answer to one `jscode2session` call."""
        wrong = self._wrong_caller(query)
        if wrong is not None:
            return wrong
        code = query["js_code"]
        for prefix, (number, message) in PROVOKED.items():
            if code.startswith(prefix):
                return refusal(number, message)
        if not code.startswith("demo-") and not self._use(f"{query['appid']} {code}"):
            return refusal(40163, "code been used")
        name = code.removeprefix("demo-")
        key = hashlib.sha256(f"session of {name}".encode()).digest()[:16]
        session_key = base64.b64encode(key).decode()
        return {"session_key": session_key, "openid": f"o-{name}", "unionid": f"u-{name}"}

    def _wrong_caller(self, query: dict[str, str]) -> dict[str, Any] | None:
        """What is missing in the call, or unknown about its app."""
        for name, number in (("appid", 41002), ("secret", 41004), ("js_code", 41008)):
            if not query.get(name):
                return refusal(number, f"{name} missing")
        if query["appid"] not in self.apps:
            return refusal(40013, "invalid appid")
        if query["secret"] != self.apps[query["appid"]]:
            return refusal(40125, "invalid appsecret")
        if query.get("grant_type") != "authorization_code":
            return refusal(40002, "invalid grant_type")
        return None

    def _use(self, code: str) -> bool:
        """Mark a code as used; False when it was."""
        with self._lock:
            if code in self._used:
                return False
            if len(self._used) >= MOST_USED_CODES:
                self._used.clear()
            self._used.add(code)
            return True


def server(port: int, apps: dict[str, str] | None = None) -> ThreadingHTTPServer:
    """An HTTP server on 127.0.0.1, not yet serving. `apps` are app ids with their secrets."""
    sandbox = Sandbox(apps or {APP_ID: SECRET})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path != "/sns/jscode2session":
                self._send(404, {"errcode": 404, "errmsg": "not found"})
                return
            self._send(200, sandbox.answer({key: values[0] for key, values in parse_qs(parts.query).items()}))

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")  # as the real one does
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, _format: str, *args: Any) -> None:
            """The query holds secrets: only the path and the status are told."""
            print(f"{self.command} {urlsplit(self.path).path} {args[1] if len(args) > 1 else ''}", flush=True)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A stand-in for WeChat's jscode2session.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--appid", default=APP_ID)
    parser.add_argument("--secret", default=SECRET)
    chosen = parser.parse_args()
    print(f"WeChat sandbox on http://127.0.0.1:{chosen.port} for app {chosen.appid}", flush=True)
    server(chosen.port, {chosen.appid: chosen.secret}).serve_forever()


if __name__ == "__main__":
    main()
