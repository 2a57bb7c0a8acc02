"""A stand-in for a mail server: it speaks SMTP, keeps what it is given, and delivers nothing.

    python loyalty/dev/mail_sandbox.py --port 2525

Each mail is told on standard output: to whom, its subject, and where to unsubscribe. A user may sign in with
the password `sandbox-secret`, or not at all. What a sender must be ready for is provoked by the recipient:

    …-busy@     450, come again (greylisting)        …-gone@    550, no such mailbox
    …-spam@     554 after the text                   …-broken@  taken, and the connection cut without a word
"""

from __future__ import annotations

import argparse
import base64
import binascii
import socketserver
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

SECRET: Final = "sandbox-secret"
KEPT: Final = 5000
LONGEST: Final = 10 * 2**20


class Server(socketserver.ThreadingTCPServer):
    """On 127.0.0.1, not yet serving. `mails` are those that were taken, `port` is where it listens."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        self.mails: deque[EmailMessage] = deque(maxlen=KEPT)
        super().__init__(("127.0.0.1", port), Session)

    @property
    def port(self) -> int:
        """The port that it got."""
        return int(self.server_address[1])


class Session(socketserver.StreamRequestHandler):
    """One connection: commands line by line, each answered in one line or more."""

    server: Server

    def handle(self) -> None:
        """Serve until the client goes or is cut off."""
        self._to: list[str] = []
        self._say("220 sandbox ESMTP")
        while line := self.rfile.readline(LONGEST):
            words = line.decode("utf-8", "replace").strip()
            verb, _space, rest = words.partition(" ")
            answer = self._answer(verb.upper(), rest)
            if answer is None:
                return
            self._say(answer)
            if verb.upper() == "QUIT":
                return

    def _answer(self, verb: str, rest: str) -> str | None:
        """The answer to a command; None to cut the connection."""
        match verb:
            case "EHLO":
                return "250-sandbox\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"
            case "AUTH":
                return "235 welcome" if _knows(rest) else "535 authentication failed"
            case "MAIL" | "RSET":
                self._to = []
                return "250 ok"
            case "RCPT":
                return self._recipient(rest)
            case "DATA":
                return self._data()
            case "HELO" | "NOOP":
                return "250 ok"
            case "QUIT":
                return "221 bye"
        return "502 unknown"

    def _recipient(self, rest: str) -> str:
        address = rest.partition("<")[2].partition(">")[0]
        mailbox = address.partition("@")[0]
        if mailbox.endswith("-busy"):
            return "450 4.7.1 greylisted, come again"
        if mailbox.endswith("-gone"):
            return "550 5.1.1 no such mailbox"
        self._to.append(address)
        return "250 ok"

    def _data(self) -> str | None:
        if not self._to:
            return "503 no recipient"
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline(LONGEST)) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        mailbox = self._to[0].partition("@")[0]
        if mailbox.endswith("-spam"):
            return "554 5.7.1 looks like spam"
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        self.server.mails.append(mail)
        print(f"to {', '.join(self._to)}: {mail['Subject']} {mail['List-Unsubscribe'] or ''}", flush=True)
        return None if mailbox.endswith("-broken") else "250 taken"

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def _knows(rest: str) -> bool:
    """Whether `PLAIN <user and password>` carries the password."""
    try:
        parts = base64.b64decode(rest.partition(" ")[2]).split(b"\0")
    except binascii.Error:
        return False
    return parts[-1] == SECRET.encode()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A stand-in for a mail server.")
    parser.add_argument("--port", type=int, required=True)
    with Server(parser.parse_args().port) as server:
        print(f"Mail sandbox on smtp://127.0.0.1:{server.port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
