"""Answers as they come in the wild: every framing, connections that break, certificates that do not hold."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from partners.webhooks.sender import Answer, Sender
from partners.webhooks.wire import Target
from tests.conftest import NOW

Script = Callable[[int, int], list[bytes | float | None]]


class Scripted:
    """A server that answers the n-th request of its m-th connection with these bytes; None hangs up."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script, self.tls = script, tls
        self.connections = 0
        self.requests: list[bytes] = []

    async def __aenter__(self) -> "Scripted":
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection, number = self.connections, 0
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                number += 1
                for piece in self.script(connection, number):
                    if piece is None:
                        return
                    if isinstance(piece, float):
                        await asyncio.sleep(piece)
                    else:
                        writer.write(piece)
                        await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def exchange(
    script: Script, times: int = 1, *, timeout_s: float = 5.0, tls: ssl.SSLContext | None = None
) -> tuple[list[Answer], Scripted]:
    async def work() -> tuple[list[Answer], Scripted]:
        async with Scripted(script, tls) as server, Sender(timeout_s=timeout_s) as sender:
            scheme = "https" if tls else "http"
            target = Target.of(f"{scheme}://127.0.0.1:{server.port}/hook?x=%20é", anywhere=True)
            signature = {"webhook-id": "e-1"}
            return [
                await sender.send(target, b'{"n": %d}' % n, signature, at=NOW) for n in range(times)
            ], server

    return asyncio.run(work())


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def shown(answer: Answer) -> tuple[str, int | None, str]:
    return answer.outcome, answer.status, answer.body


def test_the_request_is_well_formed() -> None:
    _answers, server = exchange(lambda _c, _n: [OK])
    assert server.requests == [
        b"POST /hook?x=%20%C3%A9 HTTP/1.1\r\nhost: 127.0.0.1:"
        + str(server.port).encode()
        + b"\r\ncontent-type: application/json\r\nuser-agent: loyalty-webhooks/1\r\naccept-encoding: identity"
        b'\r\nwebhook-id: e-1\r\ncontent-length: 8\r\n\r\n{"n": 0}'
    ]


def test_a_connection_is_kept_alive() -> None:
    answers, server = exchange(lambda _c, _n: [OK], times=5)
    assert [shown(a) for a in answers] == [("delivered", 200, "ok")] * 5
    assert server.connections == 1


@pytest.mark.parametrize(
    ("pieces", "status", "body", "connections"),
    [
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, "", 1),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"], 200, "", 1),
        (
            [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"],
            200,
            "abcde",
            1,
        ),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK], 200, "ok", 1),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsl", 0.02, b"ow"], 200, "slow", 1),
        ([b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"], 200, "ok", 2),
        ([b"HTTP/1.0 200 OK\r\n\r\nuntil the end", None], 200, "until the end", 2),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n" + b"x" * 5_000_000], 200, "x" * 20480, 2),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbroken", None], 200, "broken", 2),
        ([OK + b"HTTP/1.1 500 smuggled\r\ncontent-length: 0\r\n\r\n"], 200, "ok", 2),
    ],
    ids=["204", "empty", "chunked", "continue", "pieces", "close", "1.0", "large", "breaks off", "too much"],
)
def test_framings(pieces: list[bytes | float | None], status: int, body: str, connections: int) -> None:
    answers, server = exchange(lambda _c, _n: pieces, times=2)
    assert [shown(a) for a in answers] == [("delivered", status, body)] * 2
    assert server.connections == connections


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_once() -> None:
    def script(connection: int, number: int) -> list[bytes | float | None]:
        return [OK] if (connection, number) in ((1, 1), (2, 1)) else [None]

    answers, server = exchange(script, times=2)
    assert [shown(a) for a in answers] == [("delivered", 200, "ok")] * 2
    assert server.connections == 2
    assert len(server.requests) in (2, 3)


def test_a_new_connection_that_is_closed_is_a_failure() -> None:
    answers, server = exchange(lambda _c, _n: [None])
    assert shown(answers[0]) == ("failed", None, "")
    assert "ServerDisconnectedError" in answers[0].error
    assert server.connections == 1


@pytest.mark.parametrize(
    "pieces",
    [
        [b"not http at all\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 2000 + b"\r\n"],
    ],
    ids=["nonsense", "two lengths", "long header", "many headers"],
)
def test_nonsense_is_a_failure(pieces: list[bytes | float | None]) -> None:
    answers, _server = exchange(lambda _c, _n: pieces)
    assert answers[0].outcome == "failed"
    assert answers[0].error


def test_a_body_that_drips_does_not_undo_a_success() -> None:
    pieces: list[bytes | float | None] = [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ndrip", 9.0]
    answers, _server = exchange(lambda _c, _n: pieces, timeout_s=0.2)
    assert shown(answers[0]) == ("delivered", 200, "drip")


def test_what_no_database_takes_is_replaced() -> None:
    head = b"HTTP/1.1 200 OK\r\nx-odd: \xff\xfe\r\ncontent-length: 4\r\n\r\n"
    answers, _server = exchange(lambda _c, _n: [head + b"a\x00\xffb"])
    assert shown(answers[0]) == ("delivered", 200, "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b")
    assert answers[0].headers is not None
    answers[0].headers["x-odd"].encode()


def certificate(folder: Path, *, days: int) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = datetime.now(UTC) - timedelta(days=2)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made)
        .not_valid_after(made + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    return context, cert


def test_https_with_a_certificate_that_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, cert = certificate(tmp_path, days=30)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    answers, scripted = exchange(lambda _c, _n: [OK], times=2, tls=server)
    assert [shown(a) for a in answers] == [("delivered", 200, "ok")] * 2
    assert scripted.connections == 1


@pytest.mark.parametrize(("days", "known"), [(30, False), (1, True)], ids=["unknown issuer", "expired"])
def test_https_with_a_certificate_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, known: bool
) -> None:
    server, cert = certificate(tmp_path, days=days)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    answers, scripted = exchange(lambda _c, _n: [OK], tls=server)
    assert shown(answers[0]) == ("failed", None, "")
    assert "CERTIFICATE_VERIFY_FAILED" in answers[0].error
    assert scripted.requests == []
