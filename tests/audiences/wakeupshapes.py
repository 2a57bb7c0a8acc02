"""Wake-ups of the tests: the message, the body, and what became of the members."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from campaigns.models import Message, MessageTemplate, MessageTemplateVersion, Wakeup, WakeupRecipient
from campaigns.services import wakeups
from members.models import Member
from tests.support.client import Api

TEXT = {
    "channels": {
        "sms": {
            "template_id": "SMS_1",
            "fields": {"text": {"en": "Come back, {name}", "zh-hans": "回来吧，{name}"}},
        }
    }
}
COME_BACK: dict[str, Any] = {
    "code": "come-back",
    "name": {"en": "Come back"},
    "segment": "everybody",
    "channel": "sms",
    "variants": [{"code": "a", "template": "hello", "share": 100}],
    "schedule": {"every": "once"},
    "holdout_percent": 0,
}


def template(
    code: str,
    now: datetime,
    *,
    purpose: str = "marketing",
    published: bool = True,
    body: Mapping[str, Any] = TEXT,
) -> None:
    """A message with a text for sms."""
    made = MessageTemplate.objects.create(
        code=code,
        name={"en": code},
        purpose=purpose,
        channels=["sms"],
        draft=body,
        current_version=1 if published else None,
        updated_at=now,
    )
    if published:
        MessageTemplateVersion.objects.create(template=made, version=1, body=body, published_at=now)


def scheduled(api: Api, **changes: Any) -> Wakeup:
    """A wake-up that goes out."""
    body = COME_BACK | changes
    answer = api.post("/wakeups", body)
    assert answer.status_code == 201, answer.content
    assert api.post(f"/wakeups/{body['code']}/submit").json()["status"] == "scheduled"
    return Wakeup.objects.get(code=body["code"])


def crowd(count: int, now: datetime) -> list[UUID]:
    """Further members, in the order of their keys."""
    made = [
        Member(id=UUID(int=(0x0190 << 112) | (7 << 76) | (8 << 60) | number), enrolled_at=now,
               referral_code=f"C{number}", name=f"M{number}")
        for number in range(1000, 1000 + count)
    ]  # fmt: skip
    Member.objects.bulk_create(made)
    return sorted(each.pk for each in made)


def go(now: datetime, rounds: int = 1000) -> None:
    """Begin what is due, and take batches until nothing is left."""
    wakeups.start_due(now=now)
    for _round in range(rounds):
        if not wakeups.run_due(now=now):
            return


def queued(variant: str | None = None) -> list[UUID]:
    """The members for whom a message is queued, one entry a message."""
    found = Message.objects.all() if variant is None else Message.objects.filter(variant=variant)
    return list(found.order_by("member_id").values_list("member_id", flat=True))


def reached(members: Iterable[UUID], now: datetime) -> None:
    """As if the messages of these members had been sent."""
    Message.objects.filter(member_id__in=list(members)).update(status="sent", due_at=None, sent_at=now)


def tasks() -> dict[UUID, str]:
    """How far each member has come in coming back."""
    return dict(WakeupRecipient.objects.values_list("member_id", "task"))


def first(member_id: UUID) -> None:
    """The member's message is the next that a sender takes."""
    mine = Message.objects.filter(member_id=member_id, status="queued")
    assert mine.update(due_at=F("due_at") - timedelta(seconds=1)) == 1
