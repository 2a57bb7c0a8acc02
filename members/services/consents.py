"""The ledger of consents: what is written beside a member's profile, and withdrawing by another way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime

from loyalty.lib import instants
from loyalty.outbox import services as outbox
from members import locks
from members.errors import MemberNotFound
from members.models import Consent, Member


def record(*, member_id: UUID, consents: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Add consents, in the form in which the profile keeps them, to the ledger. The caller's transaction.

    Nobody has agreed to anything before it was heard of: a later `at` (a clock ahead, a local time marked as
    UTC) would outlast the withdrawal that follows, so `at` is `now` at the most.
    """
    Consent.objects.bulk_create(
        Consent(
            member_id=member_id,
            purpose=given["purpose"],
            version=given.get("version", ""),
            granted=given["granted"],
            at=min(parse_datetime(given["at"]) or now, now),
            source=given.get("source", ""),
            recorded_at=now,
        )
        for given in consents
    )


def say(
    *,
    member_id: UUID,
    purpose: str,
    version: str,
    granted: bool,
    source: str,
    now: datetime,
    actor: str = "",
    note: str = "",
) -> Member:
    """Give or withdraw one consent now, in the ledger and in the profile. Partners' systems are told
    that the profile changed, whoever wrote it down.

    `actor` and `note` are kept in the ledger alone: who wrote it down for the member, and what proves it.

    Said again, it is not written again. It is the latest word, also behind one that was recorded with a later
    time. Raises MemberNotFound.
    """
    with transaction.atomic():
        member = locks.member(member_id)
        if member is None:
            raise MemberNotFound
        latest = Consent.objects.filter(member_id=member_id, purpose=purpose)
        last = latest.order_by("-at", "-recorded_at", "-id").first()
        if last is not None and (last.granted, last.version) == (granted, version):
            return member
        at = now if last is None else max(now, last.at + timedelta(microseconds=1))
        said = {
            "purpose": purpose,
            "version": version,
            "granted": granted,
            "at": instants.text(at),
            "source": source,
        }
        member.consents = [*member.consents, said]
        member.save(update_fields=["consents", "updated_at"])
        Consent.objects.create(
            member_id=member_id,
            purpose=purpose,
            version=version,
            granted=granted,
            at=at,
            source=source,
            recorded_at=now,
            actor=actor,
            note=note,
        )
        outbox.publish(
            type="member.updated",
            payload={"member_id": str(member.id), "changed": ["consents"]},
            member_id=member.id,
            occurred_at=now,
        )
        return member
