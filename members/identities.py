"""Identities as they come in, told apart and brought into one form, so that one person is one member."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers
from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import FieldError, Invalid

# Fields of the API that are an identity by their name; openid and alipay_open_id belong to one app.
SIMPLE = ("external_id", "phone", "email", "card_no", "unionid", "alipay_open_id")
FIELDS = (*SIMPLE, "openid", "app_id", "provider", "subject")
MAX_SUBJECT = 128


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One identity: what kind, of which app (or ''), and its value in canonical form."""

    provider: str
    subject: str
    app_id: str = ""


def read(data: Mapping[str, Any], pointer: str = "", region: str = "CN") -> list[Key]:
    """The identities named in `data`, in canonical form, sorted.

    Raises Invalid, naming the field, when one is malformed.
    """
    found: set[Key] = set()
    errors: list[FieldError] = []
    for field in SIMPLE:
        if data.get(field) is not None:
            _add(found, errors, field, str(data[field]), "", f"{pointer}/{field}", region)
    if data.get("openid") is not None:
        if not data.get("app_id"):
            errors.append(
                FieldError(f"{pointer}/app_id", "required", _("An openid belongs to an app: name it."))
            )
        else:
            _add(
                found, errors, "openid", str(data["openid"]), str(data["app_id"]), f"{pointer}/openid", region
            )
    if data.get("provider") is not None or data.get("subject") is not None:
        if not data.get("provider") or not data.get("subject"):
            missing = "subject" if data.get("provider") else "provider"
            errors.append(
                FieldError(f"{pointer}/{missing}", "required", _("provider and subject go together."))
            )
        else:
            _add(
                found,
                errors,
                str(data["provider"]),
                str(data["subject"]),
                str(data.get("app_id") or ""),
                f"{pointer}/subject",
                region,
            )
    if errors:
        raise Invalid(errors)
    return sorted(found)


def _add(
    found: set[Key],
    errors: list[FieldError],
    provider: str,
    subject: str,
    app_id: str,
    pointer: str,
    region: str,
) -> None:
    subject = subject.strip()
    if not subject:
        errors.append(FieldError(pointer, "blank", _("May not be blank.")))
    elif len(subject) > MAX_SUBJECT:
        errors.append(
            FieldError(pointer, "max_length", _("At most %(max)d characters.") % {"max": MAX_SUBJECT})
        )
    elif provider == "phone":
        number = phone(subject, region)
        if number is None:
            errors.append(
                FieldError(pointer, "phone", _("Not a phone number; write it like +8613800000000."))
            )
        else:
            found.add(Key("phone", number))
    elif provider == "email":
        if (
            subject.count("@") != 1
            or subject.startswith("@")
            or "." not in subject.split("@")[1]
            or " " in subject
        ):
            errors.append(FieldError(pointer, "email", _("Not an e-mail address.")))
        else:
            found.add(Key("email", subject.lower()))
    else:
        found.add(Key(provider, subject, app_id))


def phone(text: str, region: str = "CN") -> str | None:
    """The number in E.164, or None when it cannot be one; one without a prefix is of `region`."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(provider: str, subject: str) -> str:
    """A phone or an address so that it can be recognised but not called: `+86138••••0001`, `an••••@e.com`.

    Other identities are no way to reach a person and stay as they are.
    """
    if provider == "phone" and len(subject) > 8:
        return f"{subject[:-8]}••••{subject[-4:]}"
    if provider == "email" and "@" in subject:
        name, _at, host = subject.partition("@")
        return f"{name[:2]}••••@{host}"
    return subject
