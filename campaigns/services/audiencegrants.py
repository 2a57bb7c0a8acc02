"""Points or a grant for a whole audience: decided on in four eyes, given in batches, once to each member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import audience, locks
from campaigns.errors import AudienceGrantNotFound
from campaigns.models import AudienceGrant
from campaigns.models.decided import OPEN
from campaigns.services import decided, duerows, segments
from loyalty.lib import ids
from loyalty.lib.errors import FieldError, Invalid
from loyalty.outbox import services as outbox
from mall import services as mall
from mall.models import Grant
from members.models import Member
from points import expiry
from points import services as points
from points.models import Entry
from points.postings import Journal, Posting, SystemAccount
from points.services.bulk import BulkResult
from tenants.context import current_brand

SOURCE: Final = "audience_grant"
WORKER: Final = "worker"
BATCH: Final = 5_000
GIFTS: Final = 200
"""Coupons and benefits are recorded one by one under the lock on the account: smaller batches."""
GIFT_KINDS: Final = ("coupon", "benefit", "draw")
Status = AudienceGrant.Status


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a grant would come to now: for so many members, so much (points, or pieces of the gift), and for
    how many of them the budget is enough, which takes `spent` of it."""

    members: int
    total: int
    paid: int
    spent: int
    estimated: bool = False


def reckon(*, grant: AudienceGrant, now: datetime) -> Reckoned:
    """What a grant that has not begun would come to. Raises Invalid for a segment that no longer holds."""
    found = audience.count(segments.definition_of(grant.segment), segments.around(now))
    paid = min(found.members, _left(grant))
    each = _cost(grant)
    return Reckoned(found.members, found.members * each, paid, paid * each, found.estimated)


def cancel(*, code: str, actor: str, now: datetime) -> AudienceGrant:
    """Give no more. What was given stays given. Repeating it changes nothing.

    Raises AudienceGrantNotFound, WrongState (it is done).
    """
    with transaction.atomic():
        grant = DECISIONS.lock(code)
        if grant.status != Status.CANCELLED:
            before = (Status.DRAFT, Status.SUBMITTED, *OPEN)
            _end(grant, Status.CANCELLED, actor=actor, now=now, before=before)
        return grant


def give_due(*, now: datetime, limit: int = 20) -> int:
    """Give one batch of each of up to `limit` grants that are due; returns how many batches were given."""
    due = AudienceGrant.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    return sum(_try(key, now) for key in list(due.values_list("pk", flat=True)[:limit]))


def give_batch(*, grant_id: UUID, now: datetime, batch: int | None = None) -> bool:
    """Give to the next members; False if nothing is left to do, or another worker has the grant.

    One transaction: points and events of the batch, how far the grant has come, what was used of its budget.
    So a worker that dies leaves nothing half done, and the next one goes on behind the last member given.
    """
    with transaction.atomic():
        grant = locks.open_audience_grant(grant_id)
        if grant is None:
            return False
        try:
            definition = segments.definition_of(grant.segment)
        except Invalid:
            _end(grant, Status.CANCELLED, actor=WORKER, now=now, before=OPEN)
            return False
        if grant.started_at is None:
            grant.started_at, grant.status = now, Status.RUNNING
            grant.audience = audience.count(definition, segments.around(now)).members
        # Who is in the audience is asked as at the start, as far as time goes.
        here = segments.around(grant.started_at)
        size = min(batch or (BATCH if grant.points else GIFTS), _left(grant))
        found = audience.portion(definition, here, after=grant.cursor, limit=size)
        if found:
            _give(grant, found, now)
            grant.cursor = found[-1]
        grant.attempts = 0
        grant.save()
        # Whoever was refused took nothing of the budget: as long as some is left, others follow.
        if len(found) < size or not _left(grant):
            grant.budget_reached = not _left(grant) and _more(grant, definition)
            _end(grant, Status.DONE, actor=WORKER, now=now, before=OPEN)
            _tell("done", grant, WORKER, now)
            return False
        return True


def _left(grant: AudienceGrant) -> int:
    """For how many more members the budget is enough."""
    return (grant.budget - grant.spent) // _cost(grant)


def _more(grant: AudienceGrant, definition: audience.Definition) -> bool:
    """Whether somebody was left for want of budget."""
    here = segments.around(grant.started_at or grant.created_at)
    return bool(audience.portion(definition, here, after=grant.cursor, limit=1))


def _give(grant: AudienceGrant, found: Sequence[UUID], now: datetime) -> None:
    # No two of them become one from here on, so that each person is given it once.
    points.lock_members(member_ids=found)
    members = _without_given(grant, locks.members_who_stay(found))
    given = _give_points(grant, members, now) if grant.points else _give_gifts(grant, members, now)
    grant.given += given
    grant.refused += len(members) - given
    grant.spent += given * _cost(grant)


def _without_given(grant: AudienceGrant, members: Sequence[UUID]) -> list[UUID]:
    """Those of the members who have not been given it as somebody who was merged into them since."""
    merged = Member.objects.filter(merged_into__in=members).values_list("pk", "merged_into")
    survivors = {_reference(grant, gone): into for gone, into in merged}
    if not survivors:
        return list(members)
    named = {"source": SOURCE, "reference__in": list(survivors)}
    given = [
        *Entry.objects.filter(kind="accrual", rule=grant.code, **named).values_list("reference", flat=True),
        *Grant.objects.filter(**named).values_list("reference", flat=True),
    ]
    had = {survivors[reference] for reference in given}
    return [each for each in members if each not in had]


def _give_points(grant: AudienceGrant, members: Sequence[UUID], now: datetime) -> int:
    policy, tz = current_brand().setting("expiry"), current_brand().tz
    entry = partial(
        Posting,
        kind="accrual",
        points=grant.points,
        direction=1,
        system_account=SystemAccount.ISSUANCE,
        source=SOURCE,
        rule=grant.code,
        effective_at=now,
        expires_at=expiry.expires_at(policy, now, tz),
        inactivity_months=expiry.inactivity_months(policy),
        cost_centre=grant.cost_centre,
        reason=grant.reason,
        actor=grant.approved_by or grant.submitted_by,
    )
    result: BulkResult = points.post_bulk(
        journals=[
            Journal(
                member_id,
                ids.new(),
                [entry(reference=reference)],
                {"source": SOURCE, "reference": reference},
            )
            for member_id in members
            for reference in [_reference(grant, member_id)]
        ],
        now=now,
    )
    return result.posted + result.replayed


def _give_gifts(grant: AudienceGrant, members: Sequence[UUID], now: datetime) -> int:
    effect = dict(grant.gift or {})
    gift = mall.Gift(
        kind=effect["kind"],
        code=effect["code"],
        rule=grant.code,
        rule_version=1,
        quantity=effect.get("quantity", 1),
        valid_days=effect.get("valid_days"),
    )
    for member_id in members:
        points.open_account(member_id=member_id, now=now)
    points.lock_members(member_ids=list(members))
    for member_id in members:
        mall.grant(
            member_id=member_id,
            gifts=[gift],
            source=SOURCE,
            reference=_reference(grant, member_id),
            at=now,
            now=now,
        )
    return len(members)


def _reference(grant: AudienceGrant, member_id: UUID) -> str:
    return f"{grant.code}:{member_id}"


def _cost(grant: AudienceGrant) -> int:
    """What one member takes of the budget: points, or pieces of the gift."""
    return grant.points or int((grant.gift or {}).get("quantity", 1))


def _try(grant_id: UUID, now: datetime) -> bool:
    work = partial(give_batch, grant_id=grant_id, now=now)
    return duerows.turn(AudienceGrant, grant_id, work, now=now, failed="audience_grant_failed")


def _timely(grant: AudienceGrant, now: datetime) -> None:
    if grant.at is not None and grant.at < now:
        raise Invalid.at("/at", "past", decided.PAST)


def _schedule(grant: AudienceGrant, now: datetime) -> None:
    grant.due_at = max(grant.at or now, now)


def _end(grant: AudienceGrant, status: str, *, actor: str, now: datetime, before: Sequence[str]) -> None:
    decided.end(grant, status, actor=actor, now=now, before=before)
    grant.due_at = None
    grant.save()


def _values(grant: AudienceGrant) -> dict[str, Any]:
    names = ("name", "points", "gift", "budget", "reason", "cost_centre", "at")
    return {"segment": grant.segment.code, **{name: getattr(grant, name) for name in names}}


def _fill(grant: AudienceGrant, values: Mapping[str, Any]) -> None:
    errors = []
    segment = segments.usable(values["segment"])
    each, gift = values.get("points") or 0, values.get("gift")
    if bool(each) == bool(gift):
        errors.append(FieldError("/points", "one_of", _("Give either points or a gift.")))
    cost = each or (gift or {}).get("quantity", 1)
    if values.get("budget", 0) < cost:
        errors.append(FieldError("/budget", "min_value", _("Must be enough for at least one member.")))
    if errors:
        raise Invalid(errors)
    for name, value in {**values, "segment": segment, "points": each, "gift": gift or None}.items():
        setattr(grant, name, value)


def _put_forward(grant: AudienceGrant) -> None:
    segments.hold(grant.segment)


def _look_again(grant: AudienceGrant) -> None:
    segments.definition_of(grant.segment)


def _tell(step: str, grant: AudienceGrant, actor: str, now: datetime) -> None:
    if step == "scheduled":  # nobody else had to agree: there was nothing to wait for
        return
    outbox.publish(
        type=f"audience_grant.{step}",
        payload={
            "audience_grant": grant.code,
            "segment": grant.segment.code,
            "points": grant.points,
            "budget": grant.budget,
            "given": grant.given,
            "refused": grant.refused,
            "spent": grant.spent,
            "actor": actor,
        },
        occurred_at=now,
    )


DECISIONS: Final = decided.Decisions(
    model=AudienceGrant,
    locked=locks.audience_grant,
    missing=AudienceGrantNotFound,
    policy="audience_grant_approval",
    fill=_fill,
    values=_values,
    put_forward=_put_forward,
    look_again=_look_again,
    timely=_timely,
    schedule=_schedule,
    tell=_tell,
)
create, update, find = DECISIONS.create, DECISIONS.update, DECISIONS.find
submit, approve, reject = DECISIONS.submit, DECISIONS.approve, DECISIONS.reject
