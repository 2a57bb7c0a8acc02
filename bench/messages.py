"""Messages: an audience of 100,000 queued, and messages sent a second, beside the provider's stand-in alone.

The stand-in is a Python server on the same machine, so the floor is what it answers to the same client that
asks it for nothing but the sending.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Final

from django.conf import settings
from django.db import connection

from bench.figures import Figure
from campaigns.channels import Outgoing, Setup, Wire, client_for
from campaigns.models import Message, MessageChannel, MessageTemplate, MessageTemplateVersion
from campaigns.services import messages
from campaigns.services.messages import sending
from loyalty.dev import channel_sandbox, ports
from loyalty.dev.places import ROOT, Places, up_places
from loyalty.lib import clock, crypto
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_brand
from tenants.roles import as_owner

SLUG: Final = "mailing"
MEMBERS: Final = 100_000
SENT: Final = 5_000
BODY: Final = {
    "channels": {
        "sms": {
            "template_id": "SMS_1",
            "fields": {"points": {"zh-hans": "{points}"}, "text": {"zh-hans": "您有 {points} 积分。"}},
        }
    },
    "tags": [],
}
_FILL: Final = """
INSERT INTO members_member (id, status, name, region, tags, children, consents, source, locale, referral_code,
  enrolled_at, updated_at)
SELECT points_uuid7(), 'active', 'M' || n, '', '[]', '[]', '[]', '', '', 'M' || n, now(), now()
FROM generate_series(1, %(members)s) n;
INSERT INTO members_identity (id, member_id, provider, app_id, subject, created_at)
SELECT points_uuid7(), id, 'phone', '', '+861' || lpad(substr(referral_code, 2), 7, '0') || '555', now()
FROM members_member;
INSERT INTO members_consent (id, member_id, purpose, version, granted, at, source, recorded_at)
SELECT points_uuid7(), id, 'marketing', '1', true, now(), '', now() FROM members_member;
ANALYZE
"""


def measure() -> list[Figure]:
    """Rows queued a second for the whole audience; messages sent a second from claim to record."""
    brand = _brand()
    port = ports.choose(Places(up_places().folder / "bench").make(), "channels", 9012)
    script = ROOT / "loyalty" / "dev" / "channel_sandbox.py"
    # Its log would fill a pipe that nobody reads, and stop it.
    argv = [sys.executable, "-P", str(script), "--port", str(port)]
    with Popen(argv, stdout=DEVNULL, cwd=Path("/")) as server:
        _until_open(port)
        settings.SMS_API_URL = f"http://127.0.0.1:{port}"
        try:
            with in_brand(brand):
                return _measured()
        finally:
            server.kill()


def _until_open(port: int) -> None:
    """Return when the server takes connections; raises ConnectionError after ten seconds."""
    for _attempt in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise ConnectionError(f"nothing answers on port {port}")


def _measured() -> list[Figure]:
    now = clock.now()
    template = _template()
    Message.objects.all().delete()  # what a run that was cut off left
    occasion = f"run-{now.timestamp()}"
    began = time.perf_counter()
    queued = messages.queue_many(
        template=template,
        channel="sms",
        occasion=occasion,
        recipients=Member.objects.all(),
        facts={"points": 100},
        now=now,
    )
    took_s = time.perf_counter() - began
    assert queued == MEMBERS
    kept = Message.objects.filter(occasion=occasion).values("pk")[SENT:]
    Message.objects.filter(pk__in=kept).delete()
    began = time.perf_counter()
    tried = sending.run(turn_s=120)
    per_s = tried / (time.perf_counter() - began)
    assert Message.objects.filter(occasion=occasion, status="sent").count() == tried == SENT
    floor = asyncio.run(_alone())
    return [
        Figure("audience queued (rows/s)", queued / took_s, 0.0, note=f"{MEMBERS} in {took_s:.1f} s"),
        Figure("messages sent (1/s)", per_s, floor, 0.3, note=f"{SENT} text messages, one worker"),
    ]


async def _alone() -> float:
    """Calls a second of the client alone, as many at once."""
    setup = Setup("sms", {"signature": "Acme", "access_key_id": channel_sandbox.ACCESS_KEY}, _SECRET)
    async with Wire(trust_env=False) as wire:
        client, gate = client_for(setup, wire), asyncio.Semaphore(sending.AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                await client.send(Outgoing(str(number), "+8613800000555", "SMS_1", {"points": "100"}))

        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(SENT)))
        return SENT / (time.perf_counter() - began)


_SECRET: Final = {"secret": channel_sandbox.SECRET}


def _brand() -> Brand:
    connection.set_schema_to_public()
    if not Brand.objects.filter(slug=SLUG).exists():
        with as_owner():
            create_brand(slug=SLUG, name="Mailing", template="blank", now=clock.now())
    brand = Brand.objects.get(slug=SLUG)
    brand.settings = {"quiet_hours": None, "message_caps": {}}
    with in_brand(brand), connection.cursor() as cursor:
        if not Member.objects.exists():
            cursor.execute(_FILL.replace("%(members)s", str(MEMBERS)))
    return brand


def _template() -> MessageTemplate:
    now = clock.now()
    MessageChannel.objects.update_or_create(
        channel="sms",
        defaults={
            "enabled": True,
            "settings": {"signature": "Acme", "access_key_id": channel_sandbox.ACCESS_KEY},
            "secrets": crypto.seal(json.dumps(_SECRET)),
            "updated_at": now,
        },
    )
    found = MessageTemplate.objects.filter(code="bench").first()
    if found is None:
        found = MessageTemplate.objects.create(
            code="bench", purpose="marketing", channels=["sms"], current_version=1, updated_at=now
        )
        MessageTemplateVersion.objects.create(template=found, version=1, body=BODY, published_at=now)
    return found
