"""Activities: what members do beside buying, recorded once, with what the rules on `activity.<type>` give."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns import selectors
from campaigns.engine import Event
from campaigns.engine.caps import ONCE_A_DAY
from campaigns.engine.types import ACTIVITY_PREFIX, ACTIVITY_TYPE, CYCLE_DAYS
from campaigns.errors import ActivityConflict
from campaigns.services import activitytags, activitytypes, giving
from campaigns.services.orders import judging
from campaigns.services.orders.content import AHEAD, MemberRef, member_ref
from campaigns.services.orders.reading import Reader
from campaigns.services.orders.told import NOTHING, account_json, explained
from loyalty.lib import instants
from loyalty.lib.errors import FieldError, Invalid
from loyalty.outbox import services as outbox
from members import services as members
from members.models import CHECK_IN, Activity, Member
from points import services as points
from points.postings import AccountState
from points.services import tiers
from tenants.context import current_brand

ACTIVITY_FIELDS: Final = frozenset({"activity_id", "member", "type", "occurred_at", "attributes"})
TYPE: Final = re.compile(rf"{ACTIVITY_TYPE}\Z")
TYPE_WORDS: Final = _("Lower-case letters, digits and hyphens, such as “check-in”.")
SOURCE: Final = "activity"
LONGEST_STREAK: Final = 1100


@dataclass(frozen=True, slots=True)
class ActivityContent:
    """An activity in normal form. `sent` are its attributes with decimals as numbers; kept are strings."""

    activity_id: str
    member: MemberRef
    type: str
    occurred_at: datetime
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 of the normal form without the member, who is compared as a person."""
        plain = [self.activity_id, self.type, instants.text(self.occurred_at), self.attributes]
        return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer to an activity: points and entries of its first recording, the account as it is now."""

    activity: Activity
    account: AccountState
    explanation: tuple[Mapping[str, Any], ...] = ()
    created: bool = True
    warnings: Sequence[FieldError] = ()

    def body(self) -> dict[str, Any]:
        """The answer as JSON."""
        kept = self.activity.evaluation
        told: dict[str, Any] = {
            "activity_id": self.activity.activity_id,
            "member_id": str(self.activity.member_id),
            "type": self.activity.type,
            "status": self.activity.status,
            "points": kept.get("points", NOTHING),
            "entries": kept.get("entries", []),
            "explanation": list(self.explanation),
            "account": account_json(self.account),
        }
        if self.warnings:
            told["warnings"] = [
                {"pointer": each.pointer, "code": each.code, "detail": str(each.detail)}
                for each in self.warnings
            ]
        return told


def parse(data: Any, *, now: datetime) -> ActivityContent:
    """The activity in `data`, the parsed JSON of a body. Whether the brand takes its type and attributes is
    asked where it is first recorded.

    Raises Invalid with a pointer for every field that is wrong.
    """
    body = Reader(data, "", ACTIVITY_FIELDS)
    activity_id = body.text("activity_id", 100, required=True, printable=True)
    kind = body.text("type", 40, required=True)
    if kind and len(kind) <= 40 and not TYPE.match(kind):
        body.fail("type", "type_code", TYPE_WORDS)
    member: MemberRef | None = None
    if body.data.get("member") is None:
        body.fail("member", "required", _("This field is required."))
    else:
        member = member_ref(body.data["member"], body)
    occurred_at = body.instant("occurred_at", latest=now + AHEAD, required=True)
    attributes = body.json("attributes", 16_384)
    body.raise_errors()
    assert member is not None
    assert occurred_at is not None
    return ActivityContent(
        activity_id, member, kind, occurred_at, attributes, body.data.get("attributes") or {}
    )


def record_activity(*, content: ActivityContent, now: datetime, reported: bool = False) -> Recorded:
    """Record an activity and give what the published rules say; a repeat answers as the first time, also
    when the brand has changed what it takes since then.

    One transaction, under the lock on the member's points account. What was `reported` by somebody else must
    be of a type that the brand takes, with the attributes that it registered.

    Raises MemberNotFound, MemberNotActive, ActivityConflict (the number was used with other content), and
    Invalid for an unknown type, attributes that do not fit, and one that lies too far back.
    """
    with transaction.atomic(savepoint=False):
        member, _created = members.resolve_or_enrol(
            member_id=content.member.member_id,
            keys=content.member.keys,
            may_enrol=False,
            source=SOURCE,
            now=now,
        )
        account = points.lock_account(member_id=member.id, now=now)
        member.refresh_from_db(fields=["status", "merged_into"])
        if member.merged_into_id is not None:
            # Merged while we waited for the lock.
            member = members.get(member.merged_into_id)
            account = points.lock_account(member_id=member.id, now=now)
        earlier = Activity.objects.filter(activity_id=content.activity_id).first()
        if earlier is not None:
            if earlier.content_hash != content.digest() or earlier.member_id != member.id:
                raise ActivityConflict(activity_id=content.activity_id)
            return Recorded(earlier, account, _explained_again(earlier), created=False)
        if reported and (faults := list(activitytypes.errors_of(content.type, content.sent))):
            raise Invalid(faults)
        return _first(content, member, account, now)


def _first(content: ActivityContent, member: Member, account: AccountState, now: datetime) -> Recorded:
    tz = current_brand().tz
    day = content.occurred_at.astimezone(tz).date()
    _refuse_late(content.type, day, now)
    held = tiers.held(member_id=member.id, now=now, reference=content.activity_id)
    rules = selectors.published_rules(tiers=held.program.codes if held else ())
    repeats = content.type == CHECK_IN and _checked_in(member.id, day)
    if account.earn_frozen:
        activity = _store(content, member.id, day, {}, None, now, repeats=repeats)
        _tell(activity, now)
        return Recorded(activity, account)
    if repeats:
        refused = rules.refused(_event(content, member.id, 1), str(member.id), "cap", ONCE_A_DAY)
        activity = _store(content, member.id, day, {"activity": refused.to_record()}, None, now, repeats=True)
        _tell(activity, now)
        return Recorded(activity, account, explained([refused], rules))
    event = _event(content, member.id, _streak(member.id, content.type, day))
    given = giving.give(
        event=event, party=giving.Party(member, account, held), rules=rules, source=SOURCE, now=now
    )
    evaluation = {"activity": given.evaluation.to_record(), **given.own.record()}
    activity = _store(content, member.id, day, evaluation, given.own.journal_id, now)
    _tell(activity, now)
    return Recorded(activity, given.own.account, explained([given.evaluation], rules))


def _refuse_late(kind: str, day: date, now: datetime) -> None:
    """Raises Invalid for a day further back than the brand takes.

    Days before the member enrolled here count: a member may have joined elsewhere before that.
    """
    brand = current_brand()
    most = int(brand.setting("check_in_late_days" if kind == CHECK_IN else "activity_late_days"))
    if (now.astimezone(brand.tz).date() - day).days > most:
        detail = _("Lies more than %(most)s days back, which is as late as the brand takes it.")
        raise Invalid.at("/occurred_at", "too_late", detail % {"most": most})


def _event(content: ActivityContent, member_id: UUID, streak: int) -> Event:
    return Event(
        trigger=ACTIVITY_PREFIX + content.type,
        occurred_at=content.occurred_at,
        reference=content.activity_id,
        attributes=content.attributes,
        streak=streak,
        streak_day=(streak - 1) % CYCLE_DAYS + 1,
        tags=activitytags.tags_of(kind=content.type, attributes=content.attributes, member_id=member_id),
    )


def _checked_in(member_id: UUID, day: date) -> bool:
    """Whether a check-in of the member counts for this day already; one that was rejected does not."""
    found = Activity.objects.filter(member_id=member_id, type=CHECK_IN, occurred_on=day, repeats=False)
    return found.exclude(status=Activity.Status.REJECTED).exists()


def _store(
    content: ActivityContent,
    member_id: UUID,
    day: date,
    evaluation: dict[str, Any],
    journal_id: UUID | None,
    now: datetime,
    *,
    repeats: bool = False,
) -> Activity:
    try:
        return Activity.objects.create(
            activity_id=content.activity_id,
            member_id=member_id,
            type=content.type,
            occurred_at=content.occurred_at,
            occurred_on=day,
            attributes=content.attributes,
            content_hash=content.digest(),
            evaluation=evaluation,
            journal_id=journal_id,
            repeats=repeats,
            recorded_at=now,
        )
    except IntegrityError:
        # The number was used for another member at the same time.
        raise ActivityConflict(activity_id=content.activity_id) from None


def _streak(member_id: UUID, kind: str, day: date) -> int:
    """How many days in a row, this one included, the member did this; what was rejected was not done."""
    days = (
        Activity.objects.filter(member_id=member_id, type=kind, occurred_on__lt=day)
        .exclude(status=Activity.Status.REJECTED)
        .order_by("-occurred_on")
        .values_list("occurred_on", flat=True)
        .distinct()[:LONGEST_STREAK]
    )
    streak = 1
    for earlier in days:
        if earlier != day - timedelta(days=streak):
            break
        streak += 1
    return streak


def _explained_again(activity: Activity) -> tuple[Mapping[str, Any], ...]:
    kept = activity.evaluation.get("activity")
    return explained([judging.read_record(kept)]) if kept else ()


def _tell(activity: Activity, now: datetime) -> None:
    outbox.publish(
        type="activity.recorded",
        payload={
            "activity_id": activity.activity_id,
            "member_id": str(activity.member_id),
            "type": activity.type,
            "occurred_at": instants.text(activity.occurred_at),
            "points": activity.evaluation.get("points", NOTHING),
        },
        member_id=activity.member_id,
        occurred_at=now,
    )
