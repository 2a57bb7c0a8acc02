"""Shared reads about members."""

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import date, datetime, tzinfo
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Right

from loyalty.lib.compliance import ADULT_AGE
from members import identities
from members.identities import Key
from members.models import Consent, Identity, Member, Purchase, RefreshToken, SigningKey

PHONE_TAIL = re.compile(r"[0-9]{4}")
MOST_FOUND = 500
"""More members than this are not told apart by a search; it is refined."""


def members_for_list(key: Key | None = None) -> QuerySet[Member]:
    """Members with their identities, all or those who are known by `key`."""
    found = Member.objects.prefetch_related("identities")
    if key is None:
        return found
    return found.filter(
        identities__provider=key.provider, identities__app_id=key.app_id, identities__subject=key.subject
    )


def members_of(keys: Collection[Key]) -> set[UUID]:
    """The members who are known by these identities, following merges; at most one query."""
    if not keys:
        return set()
    rows = Identity.objects.filter(
        provider__in={key.provider for key in keys}, subject__in={key.subject for key in keys}
    ).values_list("provider", "subject", "app_id", "member_id", "member__merged_into_id")
    return {into or member_id for *key, member_id, into in rows if Key(*key) in keys}


def buyers_of(order_ids: Collection[str]) -> set[UUID]:
    """The members whose orders these are; at most one query."""
    if not order_ids:
        return set()
    bought = Purchase.objects.filter(order_id__in=order_ids, member_id__isnull=False)
    return set(bought.values_list("member_id", flat=True))


def signing_key(key_id: UUID | None = None) -> SigningKey | None:
    """The key of this id, or the newest one that signs; None where there is none or it was retired."""
    alive = SigningKey.objects.filter(retired_at__isnull=True)
    if key_id is not None:
        alive = alive.filter(pk=key_id)
    return alive.order_by("-created_at", "-id").first()


def share_a_device(member_id: UUID, other_id: UUID) -> bool:
    """Whether both members have signed in on the same device, as far as clients named it."""
    devices = RefreshToken.objects.exclude(device_id="")
    own = devices.filter(member_id=member_id).values("device_id")
    return devices.filter(member_id=other_id, device_id__in=own).exists()


def age_facts(member: Member, now: datetime, tz: tzinfo) -> dict[str, Any]:
    """What the compliance matrix asks about a person: `adult` and `youngest_child_months` (None = unknown).

    Only children whose guardian consented are looked at.
    """
    today = now.astimezone(tz).date()
    months = [
        _months_between(str(child["birth_month"]), today)
        for child in member.children or ()
        if child.get("guardian_consent") and child.get("birth_month")
    ]
    adult = None if member.birthday is None else _years_between(member.birthday, today) >= ADULT_AGE
    return {"adult": adult, "youngest_child_months": min(months, default=None)}


def _months_between(birth_month: str, today: date) -> int:
    year, month = birth_month.split("-")[:2]
    return (today.year - int(year)) * 12 + today.month - int(month)


def _years_between(birthday: date, today: date) -> int:
    return today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))


def found_ids(term: str) -> set[UUID]:
    """The members whom a caller can mean: by phone, card, any identity, order number, referral code, or id.

    Four digits are also the end of a phone. At most MOST_FOUND; one query, each part of it by an index.
    """
    subjects = {term, term.lower(), identities.phone(term) or term}
    known = Identity.objects.filter(subject__in=subjects).order_by().values_list("member_id")
    parts = [
        Purchase.objects.filter(order_id=term, member__isnull=False).order_by().values_list("member_id"),
        Member.objects.filter(referral_code=term.upper()).order_by().values_list("pk"),
    ]
    if PHONE_TAIL.fullmatch(term):
        ending = Identity.objects.annotate(tail=Right("subject", 4)).filter(provider="phone", tail=term)
        parts.append(ending.order_by().values_list("member_id"))
    with suppress(ValueError):
        parts.append(Member.objects.filter(pk=UUID(term)).order_by().values_list("pk"))
    return {row[0] for row in known.union(*parts)[:MOST_FOUND]}


def found_by(term: str) -> Q:
    """The same as a condition on members."""
    return Q(pk__in=found_ids(term))


def named(term: str) -> Q:
    """Members whose name begins with `term`, in either case. Goes by an index."""
    return Q(name__istartswith=term)


def consents_now(member_ids: Collection[UUID], purposes: Collection[str]) -> dict[tuple[UUID, str], bool]:
    """What each member last said to each purpose: granted or withdrawn; who said nothing is not in it."""
    said = Consent.objects.filter(member_id__in=member_ids, purpose__in=purposes)
    latest = said.order_by("purpose", "member", "-at", "-recorded_at", "-id").distinct("purpose", "member")
    return {
        (member_id, purpose): granted
        for member_id, purpose, granted in latest.values_list("member_id", "purpose", "granted")
    }


def consents_of(member_id: UUID) -> QuerySet[Consent]:
    """All that a member said, the newest first."""
    return Consent.objects.filter(member_id=member_id).order_by("-at", "-recorded_at", "-id")


def who_consented(members: QuerySet[Member], purpose: str) -> QuerySet[Member]:
    """Those of the members whose latest word on a purpose is that they agree."""
    said = Consent.objects.filter(purpose=purpose, member=OuterRef("pk"))
    latest = said.order_by("purpose", "member", "-at", "-recorded_at", "-id").values("granted")[:1]
    return members.annotate(_consents=Subquery(latest)).filter(_consents=True)
