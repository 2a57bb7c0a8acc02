"""What the members' calls take."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from loyalty.lib import clock, fields, instants, words
from loyalty.lib.api import StrictSerializer
from members.api.refs import IdentityFields, read_keys

_MONTH = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])\Z")
EARLIEST_BIRTHDAY = date(1900, 1, 1)
PROFILE = ("name", "birthday", "region", "tags", "children", "consents", "locale")


class Birthday(fields.Day):
    """A day from 1900 to today."""

    default_error_messages = {"range": _("Must lie between 1900 and today.")}

    def to_internal_value(self, data: Any) -> date:
        value = super().to_internal_value(data)
        if not EARLIEST_BIRTHDAY <= value <= clock.now().date() + timedelta(days=1):
            self.fail("range")
        return value


class Tags(serializers.ListField):
    """Up to 50 labels, each once, in the order given."""

    child = fields.Text(max_length=40)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=50, required=False, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        return list(dict.fromkeys(super().to_internal_value(data)))


class ChildBody(StrictSerializer):
    """A child by month of birth; without the guardian's consent nothing about a child is kept."""

    birth_month = fields.Text(max_length=7, help_text="YYYY-MM; a month to come for a child not yet born.")
    guardian_consent = fields.Flag()

    def validate_birth_month(self, value: str) -> str:
        """A month up to a year ahead."""
        today = clock.now().date()
        if not _MONTH.match(value) or value > f"{today.year + 1:04d}-{today.month:02d}":
            raise serializers.ValidationError(_("Must be a month such as “2025-06”."), code="month")
        return value

    def validate_guardian_consent(self, value: bool) -> bool:
        """Only `true` is accepted."""
        if not value:
            raise serializers.ValidationError(
                _("A child may be recorded only with the guardian's consent."), code="consent_required"
            )
        return value


class ConsentBody(StrictSerializer):
    """Consent to one purpose in one version of its text, given or withdrawn."""

    purpose = fields.Text(max_length=40)
    version = fields.Text(max_length=40)
    granted = fields.Flag()
    at = fields.Instant(required=False)
    source = fields.Text(required=False, max_length=40, allow_blank=True)  # type: ignore[assignment]

    def validate_at(self, value: datetime) -> datetime:
        """Not more than a day ahead."""
        if value > clock.now() + timedelta(days=1):
            raise serializers.ValidationError(_("Must not lie in the future."), code="future")
        return value


class ProfileFields(StrictSerializer):
    """What is known about a member besides the identities."""

    name = fields.Text(required=False, max_length=120, allow_blank=True)
    birthday = Birthday(required=False, allow_null=True)
    region = fields.Text(required=False, max_length=32, allow_blank=True, help_text="For example 440100.")
    tags = Tags()
    children = ChildBody(many=True, required=False, max_length=20)  # type: ignore[call-arg]
    consents = ConsentBody(many=True, required=False, max_length=50)  # type: ignore[call-arg]
    locale = fields.Choice(choices=words.LANGUAGES, required=False)


class EnrolBody(IdentityFields, ProfileFields):
    """Identities, profile, and how the member came."""

    source = fields.Text(required=False, max_length=40, allow_blank=True, help_text="store, pack, poster …")  # type: ignore[assignment]
    referrer_code = fields.Text(required=False, max_length=12)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The identities as keys, the profile apart."""
        keys = read_keys(attrs)
        if not keys:
            raise serializers.ValidationError(
                _("At least one identity is needed, such as external_id or phone."), code="identity_required"
            )
        return {
            "keys": keys,
            "profile": profile_of(attrs),
            "source": attrs.get("source", ""),
            "referrer_code": attrs.get("referrer_code"),
        }


class ChangeBody(IdentityFields, ProfileFields):
    """What is to change; identities and consents are added to those there are."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The identities as keys, the profile apart."""
        return {"keys": read_keys(attrs), "changes": profile_of(attrs)}


class OwnProfileBody(StrictSerializer):
    """What a member may change about themselves."""

    name = fields.Text(required=False, max_length=120, allow_blank=True)
    birthday = Birthday(required=False, allow_null=True)
    region = fields.Text(required=False, max_length=32, allow_blank=True)
    locale = fields.Choice(choices=words.LANGUAGES, required=False)
    consents = ConsentBody(many=True, required=False, max_length=50)  # type: ignore[call-arg]


class MembersQuery(IdentityFields):
    """Filters of the list: at most one identity."""

    phone = fields.Text(required=False, max_length=128, trim_whitespace=False)
    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The identity that is looked for, as a key."""
        if attrs.get("phone", "").startswith(" "):
            # A plus sign that was not escaped arrives as a space.
            attrs["phone"] = "+" + attrs["phone"].strip()
        keys = read_keys(attrs)
        if len(keys) > 1:
            raise serializers.ValidationError(_("Look for one identity at a time."), code="ambiguous")
        return {"key": keys[0] if keys else None}


def profile_of(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The profile in validated fields, as it is stored."""
    profile = {name: attrs[name] for name in PROFILE if name in attrs}
    if "children" in profile:
        profile["children"] = [dict(child) for child in profile["children"]]
    if "consents" in profile:
        profile["consents"] = [_consent(consent) for consent in profile["consents"]]
    return profile


def _consent(consent: Mapping[str, Any]) -> dict[str, Any]:
    now = clock.now()
    at = min(consent.get("at") or now, now)  # a clock ahead must not outlast a withdrawal that follows
    return {
        "purpose": consent["purpose"],
        "version": consent["version"],
        "granted": consent["granted"],
        "at": instants.text(at),
        "source": consent.get("source", ""),
    }
