"""Which addresses and URLs webhooks may go to."""

import asyncio
import socket
from datetime import datetime
from typing import Any

import pytest

from partners.webhooks import sender, targets, wire
from partners.webhooks.addresses import is_public
from partners.webhooks.sender import Sender
from partners.webhooks.wire import Target
from tenants.models import Brand
from tests.conftest import NOW

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "::8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "nonsense",
    "",
    "127.1",
    "2130706433",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2400:3200::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert is_public(address) is False


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address) is True


REFUSED = [
    "http://partner.example/hook",
    "https://127.0.0.1/hook",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://[64:ff9b::7f00:1]/",
    "https://10.1.2.3:8443/",
    "https://169.254.169.254/latest/meta-data/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://printer.local/",
    "https://db.internal/",
    "https://intranet/",
    "https://user:password@partner.example/",
    "https://user@partner.example/",
    "https:///hook",
    "https://",
    "https://partner.example:99999/",
    "https://partner.example:0/",
    "https://partner.example\\@127.0.0.1/",
    "https://partner.example/ hook",
    "https://partner.example/\nhook",
    "ftp://partner.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//partner.example/",
    "partner.example",
    "",
    "https://" + "a" * 64 + ".example/",
    "https://partner.example/" + "x" * 2048,
    "http://127.0.0.1:9001/",
    "https://127.0.0.1:9001/",
]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver that knows these names and literals alone."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name in known:
            family = kwargs.get("family") or (args[0] if args else 0)
            return [
                (
                    socket.AF_INET6 if ":" in a else socket.AF_INET,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (a, port or 0, 0, 0) if ":" in a else (a, port or 0),
                )
                for a in known[name]
                if family in (0, socket.AF_INET6 if ":" in a else socket.AF_INET)
            ]
        if name[:1].isdigit() or ":" in name:
            return real(host, port, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_are_refused(url: str, names: dict[str, list[str]]) -> None:
    with pytest.raises(targets.UrlNotAllowed) as refused:
        targets.check(url, {"127.0.0.1:9000"})
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/url", "url_not_allowed")]


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["2606:4700::1111", "fe80::1"]]
)
def test_names_that_lead_inside_are_refused(addresses: list[str], names: dict[str, list[str]]) -> None:
    names["partner.example"] = addresses
    with pytest.raises(targets.UrlNotAllowed):
        targets.check("https://partner.example/hook", ())


def test_public_names_and_names_unknown_today_are_taken(names: dict[str, list[str]]) -> None:
    names["partner.example"] = ["93.184.215.14", "2606:4700::1111"]
    for url in (
        "https://partner.example/hook?x=1",
        "https://partner.example:8443/hook",
        "https://93.184.215.14/",
        "https://later.partner.example/hook",
        "https://例子.example/hook",
    ):
        assert targets.check(f" {url} ", ()) == url


def test_an_allowed_pair_may_be_http_and_loopback(names: dict[str, list[str]]) -> None:
    pairs = {"127.0.0.1:9000", "localhost:80", "[::1]:9000"}
    for url in (
        "http://127.0.0.1:9000/hook",
        "https://127.0.0.1:9000/",
        "http://localhost/",
        "http://[::1]:9000/",
    ):
        assert targets.check(url, pairs) == url


def test_no_pair_is_allowed_in_production(settings: Any) -> None:
    brand = Brand(settings={"webhook_hosts": ["127.0.0.1:9000"]})
    assert targets.allowed_pairs(brand) == {"127.0.0.1:9000"}
    settings.WEBHOOK_LOCAL_TARGETS = False
    assert targets.allowed_pairs(brand) == frozenset()


def sent(url: str, at: datetime = NOW) -> sender.Answer:
    async def work() -> sender.Answer:
        async with Sender(timeout_s=2) as one:
            return await one.send(Target.of(url, anywhere=False), b"{}", {}, at=at)

    return asyncio.run(work())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://10.0.0.1:{port}/",
        "http://169.254.169.254/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://localhost:{port}/",
    ],
)
def test_the_address_connected_to_is_checked_at_each_attempt(url: str, receiver: Any) -> None:
    answer = sent(url.format(port=receiver.host.rpartition(":")[2]))
    assert (answer.outcome, answer.status) == ("blocked", None)
    assert "not public" in answer.error
    assert receiver.seen == []


def test_a_name_that_leads_inside_later_is_blocked(receiver: Any, names: dict[str, list[str]]) -> None:
    """DNS rebinding: public when the endpoint was made, loopback when it is called."""
    port = receiver.host.rpartition(":")[2]
    names["partner.example"] = ["93.184.215.14"]
    assert targets.check("https://partner.example/", ())
    names["partner.example"] = ["127.0.0.1"]
    answer = sent(f"http://partner.example:{port}/")
    assert (answer.outcome, receiver.seen) == ("blocked", [])


def test_of_several_addresses_only_the_public_ones_are_tried(
    receiver: Any, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    async def connect(self: Any, sock: Any, address: Any) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", connect)
    names["partner.example"] = ["127.0.0.1", "93.184.215.14", "::1"]
    answer = sent("http://partner.example/")
    assert (answer.outcome, tried) == ("failed", ["93.184.215.14"])


def test_the_address_of_the_connection_counts_whatever_the_resolver_said(
    receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last gate alone: were the resolver fooled, the socket is still refused."""
    port = int(receiver.host.rpartition(":")[2])

    real = wire.is_public
    asked: list[str] = []

    def fooled_once(address: str) -> bool:
        asked.append(address)
        return len(asked) == 1 or real(address)

    monkeypatch.setattr(wire, "is_public", fooled_once)
    answer = sent(f"http://127.0.0.1:{port}/")
    assert asked == ["127.0.0.1", "127.0.0.1"]
    assert (answer.outcome, receiver.seen) == ("blocked", [])
