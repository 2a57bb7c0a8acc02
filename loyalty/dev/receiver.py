"""The demo's receiver of webhooks: verifies them with the official library, and shows the last fifty.

    python loyalty/dev/receiver.py --port 9000 --secret-file var/demo-webhook-secret

`GET /` is a small page, `GET /events` the same as JSON. The endpoints' secrets, one a line, are read
from the file at each delivery, so that a rotation or another endpoint needs no restart; a delivery that
none of them signed is kept and shown as not verified, and answered 401.
"""

import argparse
import html
import json
import threading
from collections import deque
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

KEPT: Final = 50
LARGEST_BYTES: Final = 1_000_000

PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>Webhook receiver</title><style>
body{{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:2rem;color:#222}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}}
code{{font-size:12px;white-space:pre-wrap;word-break:break-all}}.no{{color:#b00}}.yes{{color:#070}}</style>
<h1>Webhook receiver</h1><p>{count} received; the last {shown}, newest first.</p>
<table><tr><th>received<th>event<th>signature<th>webhook-id<th>payload</tr>{rows}</table></html>
"""  # noqa: E501  (a page)


class Inbox:
    """What has been received, newest first, and whether its signature held."""

    def __init__(self, secret_file: Path) -> None:
        self.secret_file = secret_file
        self.count = 0
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Keep one delivery; True when its signature and its time hold."""
        verified, payload, trouble = self._verify(body, headers)
        webhook_id = headers.get("webhook-id", "")
        kind = payload.get("type", "?") if isinstance(payload, dict) else "?"
        with self._lock:
            again = webhook_id in self._seen
            if len(self._seen) > 100_000:
                self._seen.clear()
            self._seen.add(webhook_id)
            self.count += 1
            self._events.appendleft(
                {
                    "received_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "webhook_id": webhook_id,
                    "verified": verified,
                    "trouble": trouble,
                    "repeated": again,
                    "type": kind,
                    "payload": payload,
                }
            )
        how = "verified" if verified else f"NOT verified: {trouble}"
        print(f"{kind} {webhook_id} {how}{' (again)' if again else ''}", flush=True)
        return verified

    def events(self) -> list[dict[str, Any]]:
        """What is kept, newest first."""
        with self._lock:
            return list(self._events)

    def _verify(self, body: bytes, headers: dict[str, str]) -> tuple[bool, Any, str]:
        try:
            payload: Any = json.loads(body)
        except ValueError:
            return False, body.decode(errors="replace")[:2000], "the body is not JSON"
        try:
            secrets = self.secret_file.read_text().split()
        except FileNotFoundError:
            secrets = []
        trouble = f"no secret in {self.secret_file.name} yet"
        for secret in secrets:
            try:
                Webhook(secret).verify(body.decode(), headers)
            except (WebhookVerificationError, ValueError) as wrong:
                trouble = str(wrong) or type(wrong).__name__
            else:
                return True, payload, ""
        return False, payload, trouble

    def page(self) -> str:
        """The page for people."""
        events = self.events()
        rows = "".join(
            f"<tr><td>{html.escape(event['received_at'][11:23])}<td>{html.escape(str(event['type']))}"
            f"<td class={'yes' if event['verified'] else 'no'}>"
            f"{'verified' if event['verified'] else html.escape(event['trouble'])}"
            f"<td><code>{html.escape(event['webhook_id'])}</code>"
            f"<td><code>{html.escape(json.dumps(event['payload'], ensure_ascii=False))}</code></tr>"
            for event in events
        )
        return PAGE.format(count=self.count, shown=len(events), rows=rows)


def server(port: int, inbox: Inbox) -> ThreadingHTTPServer:
    """An HTTP server on 127.0.0.1, not yet serving."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/events":
                body = json.dumps({"count": inbox.count, "items": inbox.events()}, ensure_ascii=False)
                self._send(200, body, "application/json; charset=utf-8")
            elif path == "/":
                self._send(200, inbox.page(), "text/html; charset=utf-8")
            else:
                self._send(404, "not found\n", "text/plain; charset=utf-8")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > LARGEST_BYTES:
                self.close_connection = True
                self._send(413, "too large, or no length\n", "text/plain; charset=utf-8")
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            good = inbox.take(self.rfile.read(int(length)), headers)
            self._send(204 if good else 401, "", "text/plain; charset=utf-8")

        def _send(self, status: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Deliveries are told by the inbox; page views are no news."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="Receives, verifies and shows the demo's webhooks.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", type=Path, required=True, help="holds the endpoint's whsec_ secret")
    chosen = parser.parse_args()
    inbox = Inbox(chosen.secret_file)
    print(f"receiver on http://127.0.0.1:{chosen.port}/", flush=True)
    server(chosen.port, inbox).serve_forever()


if __name__ == "__main__":
    main()
