"""Segments: saving a definition, looking at whom it means, keeping the members of those that rules name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns import audience, locks, selectors
from campaigns.audience import Definition, Surroundings
from campaigns.errors import SegmentCodeTaken, SegmentInUse, SegmentNotFound
from campaigns.models import AudienceGrant, Rule, Segment, SegmentMember, Wakeup
from campaigns.models.decided import OPEN
from loyalty.lib import words
from loyalty.lib.errors import FieldError, Invalid
from mall.models import Reward
from members.models import Member
from points.services import tiers
from tenants.context import current_brand

ALL: Final = "all"
"""The segment of everybody, as rules name it; no brand's segment is called so."""
RESERVED: Final = frozenset({ALL, "preview"})
PREVIEWED: Final = 20
REFRESHED_EVERY: Final = timedelta(minutes=15)
_REFRESH: Final = """
WITH found AS MATERIALIZED (SELECT m.id FROM members_member m WHERE {where}),
gone AS (
  DELETE FROM campaigns_segmentmember kept
  WHERE kept.code = %(code)s AND NOT EXISTS (SELECT 1 FROM found WHERE found.id = kept.member_id)
), come AS (
  INSERT INTO campaigns_segmentmember(member_id, code, since)
  SELECT found.id, %(code)s, %(now)s FROM found
  WHERE NOT EXISTS (
    SELECT 1 FROM campaigns_segmentmember kept WHERE kept.member_id = found.id AND kept.code = %(code)s)
  ON CONFLICT (member_id, code) DO NOTHING
)
SELECT count(*) FROM found
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom a definition means just now: how many, and some of them."""

    count: audience.Count
    members: Sequence[Member]
    sentence: str


def around(now: datetime) -> Surroundings:
    """What the current brand's audiences are judged by at this instant."""
    brand = current_brand()
    return Surroundings(now, brand.timezone, now.astimezone(brand.tz).date(), tiers.program())


def check(body: Any) -> Definition:
    """A definition, checked as the brand is now. Raises Invalid, with pointers below /definition."""
    program = tiers.program()
    named = {str(key) for key in _rewards_named(body)}
    known = {str(key) for key in Reward.objects.filter(pk__in=named).values_list("pk", flat=True)}
    return audience.parse(body, tiers=program.codes if program else (), rewards=known)


def contradicts_itself(body: Mapping[str, Any]) -> bool:
    """Whether conditions that all have to hold exclude each other, so that nobody can ever meet them.

    Told by the conditions alone: orders of those who never ordered, a tag that is asked for and shut out.
    """
    rows = body.get("all") or ()
    never = any((row["fact"], row["op"], row["value"]) == ("member.orders.count", "eq", 0)
                and row.get("window") == "ever" for row in rows)  # fmt: skip
    if never and any(_asks_for_orders(row) for row in rows):
        return True
    shut_out = {tag for row in body.get("none") or () for tag in _tags_of(row)}
    asked = [tags for row in rows if (tags := _tags_of(row))]
    return any(tags <= shut_out for tags in asked)


def _asks_for_orders(row: Mapping[str, Any]) -> bool:
    """Whether only somebody who ordered meets a condition."""
    if row["fact"] == "member.days_since_last_order":
        return True
    if row["fact"] not in ("member.orders.count", "member.orders.amount") or row["op"] == "lte":
        return False
    least = row["value"][0] if row["op"] == "between" else row["value"]
    return Decimal(str(least)) > 0


def _tags_of(row: Mapping[str, Any]) -> set[str]:
    if (row["fact"], row["op"]) != ("member.tags", "has"):
        return set()
    return {row["value"]} if isinstance(row["value"], str) else set(row["value"])


def definition_of(segment: Segment) -> Definition:
    """The segment's definition. Raises Invalid if it no longer holds: a tier or reward it names is gone."""
    return check(segment.definition)


def hold(segment: Segment) -> Definition:
    """The definition that is put forward: whoever would change it waits, and is then refused.

    Raises Invalid if it no longer holds.
    """
    locked = locks.segment(segment.code)
    return definition_of(locked or segment)


def create(*, code: str, name: Mapping[str, str], definition: Any, actor: str, now: datetime) -> Segment:
    """Save a new segment. Raises Invalid (with pointers), SegmentCodeTaken."""
    if code in RESERVED:
        raise Invalid.at("/code", "reserved", _("This code is reserved."))
    body = dict(check(definition).body)
    try:
        with transaction.atomic():
            return Segment.objects.create(
                code=code, name=dict(name), definition=body, created_at=now, created_by=actor, updated_at=now
            )
    except IntegrityError as error:
        raise SegmentCodeTaken(segment=code) from error


def update(*, code: str, changes: Mapping[str, Any], now: datetime) -> Segment:
    """Change name, definition, or whether it is archived. What is approved stays what was approved.

    Raises SegmentNotFound, SegmentInUse (archiving what a rule names or what is under way uses; another
    definition for a wake-up or an audience grant that was submitted and is not over), Invalid.
    """
    with transaction.atomic():
        segment = locks.segment(code)
        if segment is None:
            raise SegmentNotFound
        if changes.get("archived") and not segment.archived:
            _refuse_in_use(segment)
        if "definition" in changes:
            definition = dict(check(changes["definition"]).body)
            if definition != segment.definition:
                _refuse_decided(segment)
            segment.definition = definition
            segment.refresh_at = now if segment.kept else None
        segment.name = dict(changes.get("name", segment.name))
        segment.archived = changes.get("archived", segment.archived)
        segment.updated_at = now
        segment.save(update_fields=["definition", "refresh_at", "name", "archived", "updated_at"])
    return segment


def find(code: str) -> Segment:
    """The segment of this code. Raises SegmentNotFound."""
    segment = Segment.objects.filter(code=code).first()
    if segment is None:
        raise SegmentNotFound
    return segment


def usable(code: str, *, pointer: str = "/segment") -> Segment:
    """The segment that something new is to reach. Raises Invalid: there is none, or it is archived."""
    segment = Segment.objects.filter(code=code, archived=False).first()
    if segment is None:
        raise Invalid([FieldError(pointer, "unknown_segment", _("There is no such segment."))])
    return segment


def preview(*, definition: Any, now: datetime) -> Preview:
    """How many members a definition means, and some of them; nothing is written. Raises Invalid."""
    parsed = check(definition)
    here = around(now)
    found = audience.sample(parsed, here, limit=PREVIEWED)
    by_id = Member.objects.in_bulk(found)
    return Preview(
        audience.count(parsed, here), [by_id[key] for key in found if key in by_id], sentence(parsed)
    )


def sentence(definition: Definition) -> str:
    """The definition in the active language, with the brand's own names of tiers and rewards."""
    program = tiers.program()
    levels = {level.code: level.name for level in program.levels} if program else {}
    named = [each.more["reward"] for each in definition.filters() if "reward" in each.more]
    rewards = {str(each.pk): str(each) for each in Reward.objects.filter(pk__in=named)} if named else {}

    def names(kind: str, code: str) -> str:
        if kind == "tier":
            return words.pick(levels.get(code)) or code
        return rewards.get(code, code) if kind == "reward" else code

    return audience.in_words(definition, names)


def is_any_due(now: datetime) -> bool:
    """Whether `refresh_due` would read, begin to keep or drop a segment; one look where there are none."""
    rows = list(Segment.objects.values_list("code", "kept", "archived", "refresh_at"))
    if any(at is not None and at <= now for *_row, at in rows):
        return True
    kept = {code for code, kept, _archived, _at in rows if kept}
    known = {code for code, _kept, archived, _at in rows if not archived}
    if not kept and not known:
        return False
    named = set(_named_by_rules())
    return bool(kept - named or named & known - kept)


def refresh_due(*, now: datetime, limit: int = 50) -> int:
    """Read anew the members of up to `limit` segments that are due; returns how many segments were read.

    First it is looked up which segments rules name: those are kept from now on, and no others.
    """
    _keep_named(now)
    due = Segment.objects.filter(refresh_at__lte=now).order_by("refresh_at", "pk")
    return sum(refresh(segment_id=key, now=now) for key in list(due.values_list("pk", flat=True)[:limit]))


def read_at_once(body: Mapping[str, Any], now: datetime) -> None:
    """Read the segments that a rule names and that were not read yet: it runs for the very next order."""
    named = set(named_in(body))
    if not named:
        return
    unread = Segment.objects.filter(code__in=named, archived=False).filter(
        Q(kept=False) | Q(refreshed_at=None)
    )
    found = list(unread.order_by("pk").values_list("pk", flat=True))
    Segment.objects.filter(pk__in=found).update(kept=True, refresh_at=now)
    for segment_id in found:
        refresh(segment_id=segment_id, now=now)


def refresh(*, segment_id: UUID, now: datetime) -> bool:
    """Read anew who is in a kept segment, in one statement; False if another worker has it or it was read.

    One whose definition no longer holds (a tier was deleted) is empty until it is changed.
    """
    with transaction.atomic():
        segment = locks.due_segment(segment_id, now)
        if segment is None:
            return False
        try:
            definition = definition_of(segment)
        except Invalid:
            SegmentMember.objects.filter(code=segment.code).delete()
            size = 0
        else:
            size = _read(segment.code, definition, now)
        segment.size, segment.refreshed_at = size, now
        segment.refresh_at = now + REFRESHED_EVERY
        segment.save(update_fields=["size", "refreshed_at", "refresh_at"])
    return True


def _read(code: str, definition: Definition, now: datetime) -> int:
    condition, values = audience.where(definition, around(now))
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH.format(where=condition), {**values, "code": code, "now": now})
        return int(cursor.fetchone()[0])


def _keep_named(now: datetime) -> None:
    named = set(_named_by_rules())
    Segment.objects.filter(code__in=named, kept=False, archived=False).update(kept=True, refresh_at=now)
    dropped = Segment.objects.filter(kept=True).exclude(code__in=named)
    codes = list(dropped.values_list("code", flat=True))
    if codes:
        with transaction.atomic():
            dropped.update(kept=False, refresh_at=None)
            SegmentMember.objects.filter(code__in=codes).delete()


def _named_by_rules() -> Iterator[str]:
    """The segments that a draft or a version that runs names: a draft's are read before it is published."""
    rules = Rule.objects.exclude(status=Rule.Status.RETIRED)
    for draft in rules.exclude(draft=None).values_list("draft", flat=True):
        yield from named_in(draft or {})
    for body, _version in selectors.published_bodies():
        yield from named_in(body)


def named_in(body: Mapping[str, Any]) -> Iterator[str]:
    """The segments that a rule's body names, in its audience or its conditions."""
    code = (body.get("audience") or {}).get("segment")
    if code and code != ALL:
        yield str(code)
    yield from _named_in_node(body.get("when") or {})


def _named_in_node(node: Mapping[str, Any]) -> Iterator[str]:
    if node.get("fact") == "member.segments":
        value = node.get("value")
        yield from (str(each) for each in (value if isinstance(value, list) else [value]))
    for kind in ("all", "any", "none"):
        for child in node.get(kind) or ():
            yield from _named_in_node(child)


def _refuse_in_use(segment: Segment) -> None:
    if segment.code in set(_named_by_rules()):
        raise SegmentInUse(segment=segment.code)
    _refuse_decided(segment, and_drafts=True)


def _refuse_decided(segment: Segment, *, and_drafts: bool = False) -> None:
    """Refuse, naming the first that would reach others than somebody agreed to."""
    busy = [*OPEN, "submitted", *(["draft"] if and_drafts else [])]
    asked = {"segment": segment, "status__in": busy}
    wakeup = Wakeup.objects.filter(**asked).order_by("code").first()
    if wakeup is not None:
        detail = _("The wake-up %(code)s is for this segment.") % {"code": wakeup.code}
        raise SegmentInUse(detail, segment=segment.code, wakeup=wakeup.code)
    grant = AudienceGrant.objects.filter(**asked).order_by("code").first()
    if grant is not None:
        detail = _("The audience grant %(code)s is for this segment.") % {"code": grant.code}
        raise SegmentInUse(detail, segment=segment.code, audience_grant=grant.code)


def _rewards_named(body: Any) -> Iterator[UUID]:
    """The rewards that a body names, as far as it has a shape at all."""
    if not isinstance(body, dict):
        return
    for rows in body.values():
        for row in rows if isinstance(rows, list) else ():
            value = row.get("reward") if isinstance(row, dict) else None
            try:
                yield UUID(value)
            except (TypeError, ValueError, AttributeError):
                continue
