"""Enrolment: several identities, one member."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import instants
from loyalty.lib.database import by_key, connection
from loyalty.lib.errors import Invalid
from loyalty.outbox import services as outbox
from members import locks
from members.errors import IdentityConflict, MemberNotActive, MemberNotFound
from members.identities import Key
from members.models import Identity, Member
from members.services import consents

# No 0, O, 1, I: a referral code is read aloud and typed.
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PROFILE = ("name", "birthday", "region", "tags", "children", "consents", "locale")


def find(keys: Sequence[Key]) -> Member | None:
    """The active member who has these identities, following merges, or None.

    Raises IdentityConflict if they point to different members.
    """
    if not keys:
        return None
    rows = Identity.objects.select_related("member__merged_into").filter(
        provider__in={k.provider for k in keys}, subject__in={k.subject for k in keys}
    )
    wanted = {(k.provider, k.app_id, k.subject) for k in keys}
    members: dict[UUID, Member] = {}
    for row in rows:
        if (row.provider, row.app_id, row.subject) in wanted:
            member = row.member.merged_into or row.member
            members[member.id] = member
    if len(members) > 1:
        raise IdentityConflict(member_ids=sorted(str(i) for i in members))
    return next(iter(members.values()), None)


def get(member_id: UUID) -> Member:
    """The member of this id. Raises MemberNotFound."""
    member = by_key(Member, member_id)
    if member is None:
        raise MemberNotFound
    return member


def enrol(
    *,
    keys: Sequence[Key],
    now: datetime,
    profile: Mapping[str, Any] | None = None,
    source: str = "",
    referrer_code: str | None = None,
    verified: bool = False,
) -> tuple[Member, bool]:
    """The member of these identities and whether they are new; a known member gets the unknown identities.

    Raises IdentityConflict if the identities belong to different members, MemberNotActive if the one found
    was closed, Invalid for an unknown referral code. Two enrolments of one identity at a time are one member.
    """
    if not keys:
        raise Invalid.at(
            "", "identity_required", _("At least one identity is needed, such as external_id or phone.")
        )
    with transaction.atomic():
        _lock(keys)
        member = find(keys)
        if member is not None:
            if member.status != Member.Status.ACTIVE:
                raise MemberNotActive(member_id=str(member.id))
            _attach(member, keys, now, verified=verified)
            return member, False
        referrer = referrer_of(referrer_code)
        member = Member(
            referral_code=_new_code(),
            enrolled_at=now,
            source=source,
            referrer=referrer,
            **{k: v for k, v in (profile or {}).items() if k in PROFILE and v is not None},
        )
        member.save(force_insert=True)
        if member.consents:
            consents.record(member_id=member.id, consents=member.consents, now=now)
        _attach(member, keys, now, verified=verified)
        outbox.publish(
            type="member.enrolled",
            payload={
                "member_id": str(member.id),
                "source": source,
                "referrer_id": str(referrer.id) if referrer else None,
                "enrolled_at": instants.text(now),
            },
            member_id=member.id,
            occurred_at=now,
        )
        return member, True


def resolve_or_enrol(
    *, member_id: UUID | None, keys: Sequence[Key], may_enrol: bool, source: str, now: datetime
) -> tuple[Member, bool]:
    """The member that a call names by id or by one identity, enrolled if unknown and allowed.

    Raises MemberNotFound, IdentityConflict, MemberNotActive.
    """
    if member_id is not None:
        member = get(member_id)
        if member.status == Member.Status.MERGED and member.merged_into is not None:
            member = member.merged_into
    else:
        found = find(keys)
        if found is None:
            if not may_enrol or not keys:
                raise MemberNotFound
            return enrol(keys=keys, source=source, now=now)
        member = found
    if member.status != Member.Status.ACTIVE:
        raise MemberNotActive(member_id=str(member.id))
    return member, False


def update(*, member_id: UUID, changes: Mapping[str, Any], keys: Sequence[Key], now: datetime) -> Member:
    """Change a profile and add identities; consents are added to those given before, never replaced.

    Raises MemberNotFound, MemberNotActive, IdentityConflict.
    """
    with transaction.atomic():
        _lock(keys)
        member = locks.member(member_id)
        if member is None:
            raise MemberNotFound
        if member.status != Member.Status.ACTIVE:
            raise MemberNotActive(member_id=str(member.id))
        owner = find(keys)
        if owner is not None and owner.id != member.id:
            raise IdentityConflict(member_ids=sorted([str(owner.id), str(member.id)]))
        wanted = {name: value for name, value in changes.items() if name in PROFILE}
        if wanted.get("consents"):
            consents.record(member_id=member.id, consents=wanted["consents"], now=now)
        if "consents" in wanted:
            wanted["consents"] = [*member.consents, *wanted["consents"]]
        changed = [name for name, value in wanted.items() if getattr(member, name) != value]
        for name in changed:
            setattr(member, name, wanted[name])
        added = _attach(member, keys, now, verified=False)
        if changed or added:
            member.save(update_fields=[*changed, "updated_at"])
            outbox.publish(
                type="member.updated",
                payload={"member_id": str(member.id), "changed": sorted([*changed, *added])},
                member_id=member.id,
                occurred_at=now,
            )
        return member


def tag(*, member_id: UUID, tags: Collection[str]) -> frozenset[str]:
    """Put tags on a member; returns those that were not there. The caller has locked the member's account."""
    member = locks.member(member_id)
    new = [each for each in dict.fromkeys(tags) if member is not None and each not in member.tags]
    if member is not None and new:
        member.tags = [*member.tags, *new]
        member.save(update_fields=["tags", "updated_at"])
    return frozenset(new)


def untag(*, member_id: UUID, tags: Collection[str]) -> None:
    """Take tags off a member; one that is not there is no error. The caller has locked the account."""
    member = locks.member(member_id)
    if member is not None and not set(tags).isdisjoint(member.tags):
        member.tags = [each for each in member.tags if each not in tags]
        member.save(update_fields=["tags", "updated_at"])


def _attach(member: Member, keys: Sequence[Key], now: datetime, *, verified: bool) -> list[str]:
    have = set(member.identities.values_list("provider", "app_id", "subject"))
    new = [k for k in keys if (k.provider, k.app_id, k.subject) not in have]
    Identity.objects.bulk_create(
        Identity(
            member=member,
            provider=k.provider,
            app_id=k.app_id,
            subject=k.subject,
            created_at=now,
            verified_at=now if verified else None,
        )
        for k in new
    )
    return [k.provider for k in new]


def _lock(keys: Sequence[Key]) -> None:
    # Two first orders of one unknown identity must meet somewhere before the member exists.
    with connection.cursor() as cursor:
        for key in sorted(keys):
            name = f"{connection.schema_name}\x1f{key.provider}\x1f{key.app_id}\x1f{key.subject}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])


def referrer_of(code: str | None) -> Member | None:
    """The active member with this referral code, following merges; None for none. Raises Invalid."""
    if not code:
        return None
    named = Member.objects.select_related("merged_into").filter(referral_code=code.strip().upper()).first()
    referrer = named.merged_into or named if named is not None else None
    if referrer is None or referrer.status != Member.Status.ACTIVE:
        raise Invalid.at("/referrer_code", "unknown", _("No member has this referral code."))
    return referrer


def _new_code() -> str:
    return "".join(secrets.choice(_CODE_LETTERS) for _unused in range(8))
