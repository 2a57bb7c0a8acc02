"""A receiving server that remembers what it was sent, and a dispatcher that sends what is due."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection, transaction
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from loyalty.outbox import services as outbox
from partners import auth
from partners.webhooks.dispatcher import Dispatcher
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.support import brands
from tests.support.brands import ANNA
from tests.support.client import Api


@dataclass
class Receiver:
    """Answers what it is told to, path by path; 200 by default."""

    host: str
    seen: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    answers: dict[str, list[Response] | Callable[[Request], Response]] = field(default_factory=dict)

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.host}{path}"

    def answer(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.path, headers, request.get_data(as_text=True)))
        given = self.answers.get(request.path)
        if callable(given):
            return given(request)
        return given.pop(0) if given else Response("ok")

    def ids(self, path: str = "/hook") -> list[str]:
        return [headers["webhook-id"] for at, headers, _body in self.seen if at == path]


@pytest.fixture(scope="session")
def server() -> Iterator[HTTPServer]:
    """A real HTTP server with a thread for each connection."""
    with HTTPServer(host="127.0.0.1", threaded=True) as running:
        yield running


@pytest.fixture
def receiver(server: HTTPServer) -> Iterator[Receiver]:
    """The server, freshly set up."""
    found = Receiver(f"{server.host}:{server.port}")
    server.clear()
    server.expect_request(re.compile(".*")).respond_with_handler(found.answer)
    yield found
    server.clear()


@pytest.fixture
def live(committed_db: None, receiver: Receiver) -> Iterator[Api]:
    """A partner of acme, whose brand allows the receiver, on a database where commits are real."""
    auth.forget()
    connection.set_schema_to_public()
    Brand.objects.filter(slug__in=brands.SLUGS).update(settings={"webhook_hosts": [receiver.host]})
    hosts.forget()
    yield Api("acme.localhost", brands.key("acme"))
    hosts.forget()
    auth.forget()


def send_due(**options: Any) -> None:
    """What `manage.py dispatch_webhooks` would send at this moment of the clock."""

    async def work() -> None:
        await Dispatcher(jitter=lambda: 0.0, **options).drain()

    asyncio.run(work())


def happened(
    slug: str = "acme",
    *,
    kind: str = "member.updated",
    member_id: UUID | None = ANNA,
    at: datetime = NOW,
    **payload: Any,
) -> UUID:
    """An event of the brand, committed."""
    with in_brand(Brand.objects.get(slug=slug)), transaction.atomic():
        data = {"member_id": str(member_id), "changed": ["region"], **payload}
        return outbox.publish(type=kind, payload=data, member_id=member_id, occurred_at=at)


def endpoint(api: Api, receiver: Receiver, path: str = "/hook", **body: Any) -> dict[str, Any]:
    answer = api.post("/webhook-endpoints", {"url": receiver.url(path), **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def deliveries(api: Api, endpoint_id: str, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"/webhook-endpoints/{endpoint_id}/deliveries{query}")
    assert answer.status_code == 200
    return answer.json()["items"]


def verified(secret: str, headers: dict[str, str], body: str) -> Any:
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    with time_machine.travel(at, tick=False):
        return Webhook(secret).verify(body, headers)
