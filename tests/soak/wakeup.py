"""`make soak ARGS=wakeup`: a wake-up and a grant go out to a crowd while their workers are killed -9.

Several workers at once, each killed in the middle of what it does, again and again. Afterwards every member
was held out, queued or given once, nobody twice and nobody left out; and what the senders sent is what
consent and caps allow, to the member.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Count

from bench import crowd
from campaigns.models import (
    AudienceGrant,
    Message,
    MessageChannel,
    MessageTemplate,
    MessageTemplateVersion,
    Wakeup,
    WakeupRecipient,
    WakeupRun,
)
from campaigns.services import audiencegrants, messages, segments, wakeups
from campaigns.services.messages import sending
from campaigns.services.wakeups.running import variant_of
from loyalty.dev import channel_sandbox
from loyalty.lib import clock, crypto
from members.models import Member
from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.soak import ground
from tests.soak.report import Report
from tests.support import databases

POINTS: Final = 100
HOLDOUT: Final = 10
WORKERS: Final = 2
TEXT: Final = {
    "channels": {
        "sms": {
            "template_id": {"en": "SMS_1"},
            "fields": {"text": {"en": "Come back, {name}: {task_points}"}},
        }
    }
}


def main(arguments: list[str]) -> int:
    """Run the drill, or one of its workers; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='wakeup …'", description=__doc__)
    parser.add_argument("--members", type=int, default=100_000, help="how many there are")
    parser.add_argument("--kills", type=int, default=20, help="how often a worker is killed")
    parser.add_argument("--sent", type=int, default=20_000, help="how many messages the senders try")
    parser.add_argument("--quick", action="store_true", help="10,000 members, 5 kills, 2,000 messages")
    parser.add_argument("--worker", nargs=2, metavar=("JOB", "DATABASE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.worker:
        return _work(*chosen.worker)
    members, kills, sent = (10_000, 5, 2_000) if chosen.quick else (chosen.members, chosen.kills, chosen.sent)
    ground.prepare("wakeup")
    report = Report(f"wakeup: {members:,} members, {kills} kills -9 of each kind of worker")
    brand = Brand.objects.get(slug="acme")
    Brand.objects.filter(pk=brand.pk).update(
        settings={"quiet_hours": None, "message_caps": {"sms": {"day": 1}}}
    )
    brand.refresh_from_db()
    with in_brand(brand):
        _people(members)
        _check_run(report, members, kills)
        _check_grant(report, members, kills)
        _check_sending(report, sent)
    report.must("books in disorder", ground.unsound())
    ground.leave()
    return report.end()


def _work(job: str, database: str) -> int:
    """One worker, as the tick runs it: until nothing is left to do."""
    databases.use(database)
    work = {
        "run": lambda: wakeups.run_due(now=clock.now()),
        "grant": lambda: audiencegrants.give_due(now=clock.now()),
    }[job]
    open_rows: Any = {"run": WakeupRun, "grant": AudienceGrant}[job].objects.filter(due_at__isnull=False)
    with in_brand(Brand.objects.get(slug="acme")):
        wakeups.start_due(now=clock.now())
        while open_rows.exists():
            # Another worker has the row: look again, as the next tick would.
            if not work():
                time.sleep(0.02)
    return 0


def _people(members: int) -> None:
    now = clock.now()
    with databases.superuser(connection.settings_dict["NAME"]) as server:
        server.execute("SET session_replication_role = replica")
        server.execute("TRUNCATE acme.members_member, acme.members_identity CASCADE")
        crowd.fill(server, "acme", members=members, now=now)
    made = MessageTemplate.objects.create(
        code="hello", purpose="marketing", channels=["sms"], draft=TEXT, current_version=1, updated_at=now
    )
    MessageTemplateVersion.objects.create(template=made, version=1, body=TEXT, published_at=now)
    segments.create(
        code="everybody",
        name={"en": "Everybody"},
        definition={"all": [{"fact": "member.enrolled_days", "op": "gte", "value": 0}]},
        actor="soak",
        now=now,
    )


def _check_run(report: Report, members: int, kills: int) -> None:
    now = clock.now()
    wakeup = Wakeup.objects.create(
        code="come-back",
        segment=segments.find("everybody"),
        channel="sms",
        variants=[
            {"code": "a", "template": "hello", "share": 50},
            {"code": "b", "template": "hello", "share": 50},
        ],
        holdout_percent=HOLDOUT,
        task_points=POINTS,
        task_days=7,
        task_budget=POINTS * members,
        status="scheduled",
        next_run_at=now,
        created_at=now,
    )
    began = time.monotonic()
    killed = _killed("run", kills)
    took = time.monotonic() - began
    report.figure("run: workers killed -9 in the middle", killed)
    report.figure("run: members a second, kills and restarts included", round(members / took))
    everybody = set(Member.objects.values_list("pk", flat=True))
    rows = dict(WakeupRecipient.objects.values_list("member_id", "variant"))
    report.figure("run: members gone through", len(rows))
    report.must("run: members left out", everybody - rows.keys())
    report.must(
        "run: members with another variant than their hash says",
        (key for key, variant in rows.items() if variant != variant_of(wakeup, key)),
    )
    by_member = Message.objects.values_list("member_id").annotate(n=Count("pk"))
    queued = dict(by_member)
    held = {key for key, variant in rows.items() if not variant}
    report.figure("run: held out", len(held))
    report.figure("run: messages queued", sum(queued.values()))
    report.must("run: members queued twice", (key for key, n in queued.items() if n > 1))
    report.must("run: held out and queued all the same", held & queued.keys())
    report.must("run: neither held out nor queued", everybody - held - queued.keys())
    run = WakeupRun.objects.get()
    told, counted = (run.status, run.audience, run.held_out), ("done", members, len(held))
    report.must("run: counts that do not agree", [] if told == counted else [f"{told} instead of {counted}"])


def _check_grant(report: Report, members: int, kills: int) -> None:
    now = clock.now()
    AudienceGrant.objects.create(
        code="sorry",
        segment=segments.find("everybody"),
        points=POINTS,
        budget=POINTS * members,
        status="scheduled",
        due_at=now,
        created_at=now,
    )
    began = time.monotonic()
    killed = _killed("grant", kills)
    took = time.monotonic() - began
    report.figure("grant: workers killed -9 in the middle", killed)
    report.figure("grant: members a second, kills and restarts included", round(members / took))
    held = dict(Account.objects.values_list("member_id", "available"))
    report.must("grant: members without exactly their points", (k for k, n in held.items() if n != POINTS))
    entries = Entry.objects.filter(source="audience_grant").count()
    report.must("grant: entries too many or too few", [] if entries == members == len(held) else [entries])
    grant = AudienceGrant.objects.get()
    told = (grant.status, grant.given, grant.refused, grant.spent)
    report.must(
        "grant: counts that do not agree", [] if told == ("done", members, 0, POINTS * members) else [told]
    )


def _killed(job: str, kills: int) -> int:
    """Run workers at a job until it is done; kill `kills` of them at random moments. How many were killed."""
    command = [sys.executable, "-m", "tests.soak", "wakeup", "--worker", job]
    command.append(str(settings.DATABASES["default"]["NAME"]))
    env = {**os.environ, "DB_ROLE_PREFIX": settings.DB_ROLE_PREFIX, "LOG_LEVEL": "WARNING"}
    running = [subprocess.Popen(command, env=env) for _number in range(WORKERS)]
    killed = 0
    chance = random.Random(7)
    while any(each.poll() is None for each in running):
        time.sleep(chance.uniform(0.05, 0.6) if killed < kills else 0.2)
        for place, each in enumerate(running):
            if killed < kills and each.poll() is None and _begun(job) and chance.random() < 0.7:
                each.send_signal(signal.SIGKILL)
                each.wait()
                killed += 1
                running[place] = subprocess.Popen(command, env=env)
                break
    assert all(each.returncode == 0 for each in running), [each.returncode for each in running]
    return killed


def _begun(job: str) -> bool:
    """Whether the job has something to lose by now."""
    if job == "run":
        return WakeupRun.objects.filter(cursor__isnull=False, due_at__isnull=False).exists()
    return AudienceGrant.objects.filter(cursor__isnull=False, due_at__isnull=False).exists()


def _check_sending(report: Report, most: int) -> None:
    """Let the sender try the first `most` messages, and a second message to the same members."""
    sandbox = channel_sandbox.Sandbox()
    sandbox.messages = type(sandbox.messages)(maxlen=None)
    server = channel_sandbox.server(0, sandbox, tell=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SMS_API_URL = f"http://127.0.0.1:{server.server_address[1]}"
    MessageChannel.objects.create(
        channel="sms",
        enabled=True,
        settings={"signature": "Acme", "access_key_id": channel_sandbox.ACCESS_KEY},
        secrets=crypto.seal(json.dumps({"secret": channel_sandbox.SECRET})),
        updated_at=clock.now(),
    )
    first = list(Message.objects.order_by("due_at", "pk").values_list("pk", flat=True)[:most])
    Message.objects.exclude(pk__in=first).delete()
    began = time.monotonic()
    while sending.run():
        pass
    took = time.monotonic() - began
    report.figure("sending: messages tried", len(first))
    report.figure("sending: messages a second, against the sandbox", round(len(first) / took))
    _look_at_what_was_sent(report, sandbox)
    _send_again(report, sandbox)
    server.shutdown()


def _send_again(report: Report, sandbox: channel_sandbox.Sandbox) -> None:
    """The same members once more today: the cap of one a day holds."""
    again = list(Message.objects.filter(status="sent").values_list("member_id", flat=True)[:500])
    report.must("sending: nothing was sent at all", [] if again else ["see the log"])
    before = len(sandbox.messages)
    messages.queue_many(
        template=MessageTemplate.objects.get(),
        channel="sms",
        occasion="soak-again",
        recipients=Member.objects.filter(pk__in=again),
        now=clock.now(),
        facts={"name": "x", "task_points": 1},
    )
    while sending.run():
        pass
    capped = Message.objects.filter(occasion="soak-again", reason="cap").count()
    report.figure("sending: a second message the same day, stopped by the cap", capped)
    report.must("sending: caps passed", [] if capped == len(again) else [f"{capped} of {len(again)}"])
    report.must("sending: sent beyond the cap", list(sandbox.messages)[before:])


def _look_at_what_was_sent(report: Report, sandbox: channel_sandbox.Sandbox) -> None:
    wanted, others = set(), set()
    for member_id in Message.objects.values_list("member_id", flat=True):
        number = crowd.number(str(member_id))
        (wanted if crowd.agreed(number) else others).add(member_id)
    told = {
        status: set(Message.objects.filter(status=status).values_list("member_id", flat=True))
        for status in ("sent", "suppressed")
    }
    report.figure("sending: sent", len(told["sent"]))
    report.figure("sending: without consent, not sent", len(told["suppressed"]))
    report.must("sending: agreed and not sent", wanted - told["sent"])
    report.must("sending: sent without consent", told["sent"] & others)
    why = set(Message.objects.filter(status="suppressed").values_list("reason", flat=True))
    report.must("sending: suppressed for another reason", why - {"no_consent"})
    arrived = Counter(each["to"] for each in sandbox.messages)
    report.must("sending: arrived twice", (to for to, times in arrived.items() if times > 1))
    missing = len(told["sent"]) - len(arrived)
    report.must("sending: said to be sent and never arrived", [missing] if missing else [])
