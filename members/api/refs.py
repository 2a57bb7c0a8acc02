"""How a call names a member: `{"member": {"member_id": …}}`, or `{"member": {"phone": …}}` and so on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer
from loyalty.lib.errors import Invalid
from members import identities, services
from members.identities import Key
from members.models import Member


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A member as a caller names one: by id, or by identities that must be one member's."""

    member_id: UUID | None
    keys: tuple[Key, ...] = ()


class IdentityFields(StrictSerializer):
    """The identities of api.md, each in a field of its own; `openid` goes with the `app_id` it belongs to."""

    external_id = fields.Text(required=False, max_length=128, help_text="The brand's own number.")
    phone = fields.Text(required=False, max_length=128, help_text="E.164, such as +8613800000000.")
    email = fields.Text(required=False, max_length=128)
    card_no = fields.Text(required=False, max_length=128)
    unionid = fields.Text(required=False, max_length=128, help_text="WeChat, across the brand's apps.")
    openid = fields.Text(required=False, max_length=128, help_text="WeChat, within one app: name app_id.")
    alipay_open_id = fields.Text(required=False, max_length=128)
    app_id = fields.Text(required=False, max_length=64)
    provider = fields.Text(required=False, max_length=40, help_text="tmall, jd, douyin …")
    subject = fields.Text(required=False, max_length=128, help_text="The member's id at the provider.")


@extend_schema_serializer(component_name="MemberRef")
class MemberRefSerializer(IdentityFields):
    """`member_id`, or an identity. The validated value is a `MemberRef`."""

    member_id = fields.Id(required=False)

    def validate(self, attrs: dict[str, Any]) -> Any:
        """The reference that the fields make up."""
        keys = read_keys(attrs)
        member_id = attrs.get("member_id")
        if member_id is None and not keys:
            raise serializers.ValidationError(
                _("Name the member by member_id or by one identity."), code="required"
            )
        if member_id is not None and keys:
            raise serializers.ValidationError(
                _("Name the member either by member_id or by identity, not by both."), code="ambiguous"
            )
        return MemberRef(member_id, tuple(keys))


def read_keys(attrs: Mapping[str, Any]) -> list[Key]:
    """The identities in validated fields. Raises a ValidationError that names the malformed ones."""
    try:
        return identities.read(attrs)
    except Invalid as invalid:
        raise serializers.ValidationError(
            {
                error.pointer.removeprefix("/"): [ErrorDetail(str(error.detail), code=error.code)]
                for error in invalid.errors
            }
        ) from None


def resolve(ref: MemberRef, *, now: datetime, may_enrol: bool = False, source: str = "") -> Member:
    """The active member that a call names, enrolled if unknown and `may_enrol`.

    Raises MemberNotFound, MemberNotActive, IdentityConflict.
    """
    member, _created = services.resolve_or_enrol(
        member_id=ref.member_id, keys=ref.keys, may_enrol=may_enrol, source=source, now=now
    )
    return member
