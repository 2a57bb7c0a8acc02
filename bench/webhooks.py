"""Webhooks dispatched per second, from outbox rows to recorded attempts, beside a bare keep-alive client."""

import asyncio
import multiprocessing
import time
from typing import Any

import aiohttp
from django.db import connection
from standardwebhooks import Webhook

from bench import setting
from bench.figures import Figure, alternate
from loyalty.dev import ports
from loyalty.lib import clock
from partners import services
from partners.webhooks.dispatcher import Dispatcher
from partners.webhooks.lanes import WIDEST
from partners.webhooks.signing import new_secret
from tenants.context import in_brand
from tenants.models import Brand

EVENTS = 10_000
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_INSERT = """
INSERT INTO outbox_event (id, type, payload, member_id, occurred_at)
SELECT gen_random_uuid(), 'points.accrued', jsonb_build_object(
    'member_id', m.id, 'journal', gen_random_uuid(), 'account', jsonb_build_object(
        'available', 39, 'pending', 0, 'held', 0, 'debt', 0), 'entries', jsonb_build_array(jsonb_build_object(
        'entry_id', gen_random_uuid(), 'points', 39, 'rule', 'base', 'version', 1, 'kind', 'accrual'))),
    m.id, now()
FROM generate_series(1, %s) g JOIN LATERAL (
    SELECT id FROM members_member ORDER BY id OFFSET g %% 500 LIMIT 1) m ON true
"""


class _Receiver(asyncio.Protocol):
    """The least that answers a request: a receiver that does not slow the senders."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(OK)  # type: ignore[attr-defined]


def _receive(port: int) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Receiver, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def measure() -> list[Figure]:
    """Both send the same number of signed requests of the same size, 64 at a time, to the same receiver."""
    port = ports.any_free()
    receiver = multiprocessing.get_context("spawn").Process(target=_receive, args=(port,), daemon=True)
    receiver.start()
    connection.set_schema_to_public()
    Brand.objects.filter(slug=setting.SLUG).update(settings={"webhook_hosts": [f"127.0.0.1:{port}"]})
    brand = Brand.objects.get(slug=setting.SLUG)
    url = f"http://127.0.0.1:{port}/hook"
    try:
        _wait(port)
        asyncio.run(Dispatcher().drain(within_s=600))  # what other benchmarks left behind
        with in_brand(brand):
            endpoint, _secret = services.create_endpoint(url=url, now=clock.now())
        ours, floor = alternate(lambda: _dispatched(brand), lambda: asyncio.run(_bare(url)))
        with in_brand(brand):
            services.delete_endpoint(endpoint_id=endpoint.id, now=clock.now())
    finally:
        receiver.terminate()
    return [Figure("webhooks dispatched, one endpoint (per s)", ours, floor, 0.75, 0.95)]


def _dispatched(brand: Brand) -> float:
    with in_brand(brand), connection.cursor() as cursor:
        cursor.execute(_INSERT, [EVENTS])
    return asyncio.run(_until_sent())


async def _until_sent() -> float:
    dispatcher = Dispatcher()
    running = asyncio.create_task(dispatcher.run())
    began = time.perf_counter()
    while dispatcher.attempts < EVENTS:
        await asyncio.sleep(0.005)
    dispatcher.stop()
    await running
    return EVENTS / (time.perf_counter() - began)


async def _bare(url: str) -> float:
    signer = Webhook(new_secret())
    body = '{"type": "points.accrued", "data": {"entries": "' + "x" * 480 + '"}}'
    left = EVENTS

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            at = clock.now()
            headers = {
                "content-type": "application/json",
                "webhook-id": "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signer.sign("0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21", at, body),
            }
            async with session.post(url, data=body.encode(), headers=headers) as response:
                await response.read()

    began = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(work(session) for _worker in range(WIDEST)))
    return EVENTS / (time.perf_counter() - began)


def _wait(port: int) -> None:
    async def once() -> Any:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    for _attempt in range(200):
        try:
            asyncio.run(once())
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the receiver did not start")
