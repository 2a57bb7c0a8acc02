"""How a member is written in answers, and the same for the OpenAPI document with an example."""

from typing import Any

from rest_framework import serializers

from loyalty.lib import words
from loyalty.lib.instants import text as instant
from members.models import Member

MEMBER_ID = "0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21"
EXAMPLE: dict[str, Any] = {
    "member_id": MEMBER_ID,
    "status": "active",
    "name": "陈静",
    "birthday": "1990-05-17",
    "region": "440100",
    "tags": ["vip"],
    "children": [{"birth_month": "2024-03", "guardian_consent": True}],
    "consents": [
        {
            "purpose": "marketing",
            "version": "2026-01",
            "granted": True,
            "at": "2026-11-22T02:15:00Z",
            "source": "store",
        }
    ],
    "locale": "zh-hans",
    "identities": [
        {"provider": "external_id", "app_id": "", "subject": "C123", "verified_at": None},
        {"provider": "phone", "app_id": "", "subject": "+8613800000000", "verified_at": None},
    ],
    "source": "store",
    "referral_code": "8KQ4ZT2M",
    "referrer_id": None,
    "merged_into": None,
    "enrolled_at": "2026-11-22T02:15:00Z",
}
ENROL_EXAMPLE: dict[str, Any] = {
    "external_id": "C123",
    "phone": "+8613800000000",
    "name": "陈静",
    "birthday": "1990-05-17",
    "region": "440100",
    "tags": ["vip"],
    "children": [{"birth_month": "2024-03", "guardian_consent": True}],
    "consents": [{"purpose": "marketing", "version": "2026-01", "granted": True}],
    "source": "store",
}


class MemberIdentity(serializers.Serializer[Any]):
    """One way the member is known."""

    provider = serializers.CharField()
    app_id = serializers.CharField(allow_blank=True)
    subject = serializers.CharField()
    verified_at = serializers.DateTimeField(allow_null=True)


class Child(serializers.Serializer[Any]):
    """A child, by month of birth."""

    birth_month = serializers.CharField()
    guardian_consent = serializers.BooleanField()


class Consent(serializers.Serializer[Any]):
    """A consent given or withdrawn."""

    purpose = serializers.CharField()
    version = serializers.CharField()
    granted = serializers.BooleanField()
    at = serializers.DateTimeField()
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]


class MemberShape(serializers.Serializer[Any]):
    """A member."""

    member_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Member.Status.values)
    name = serializers.CharField(allow_blank=True)
    birthday = serializers.DateField(allow_null=True)
    region = serializers.CharField(allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField())
    children = Child(many=True)
    consents = Consent(many=True)
    locale = serializers.ChoiceField(choices=words.LANGUAGES, allow_blank=True)
    identities = MemberIdentity(many=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    referral_code = serializers.CharField()
    referrer_id = serializers.UUIDField(allow_null=True)
    merged_into = serializers.UUIDField(allow_null=True)
    enrolled_at = serializers.DateTimeField()


class MemberPage(serializers.Serializer[Any]):
    """A page of members."""

    items = MemberShape(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def member(row: Member) -> dict[str, Any]:
    """Everything that the brand knows of a member."""
    return {
        "member_id": str(row.id),
        "status": row.status,
        "name": row.name,
        "birthday": row.birthday.isoformat() if row.birthday else None,
        "region": row.region,
        "tags": row.tags,
        "children": row.children,
        "consents": row.consents,
        "locale": row.locale,
        "identities": [
            {
                "provider": identity.provider,
                "app_id": identity.app_id,
                "subject": identity.subject,
                "verified_at": instant(identity.verified_at),
            }
            for identity in sorted(row.identities.all(), key=lambda i: (i.provider, i.app_id, i.subject))
        ],
        "source": row.source,
        "referral_code": row.referral_code,
        "referrer_id": str(row.referrer_id) if row.referrer_id else None,
        "merged_into": str(row.merged_into_id) if row.merged_into_id else None,
        "enrolled_at": instant(row.enrolled_at),
    }
