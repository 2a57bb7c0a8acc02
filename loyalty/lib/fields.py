"""Serializer fields that mean what they say: no coercion of types, exact decimals, instants with offset."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from loyalty.lib import ids, instants, money, words

_TOO_FINE = re.compile(r"-?\d{1,14}\.\d{7,}\Z", re.ASCII)

MAX_POINTS = 1_000_000_000_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Text(serializers.CharField):
    """A string; numbers and booleans are not taken for one."""

    default_error_messages = {"type": _("Must be a string.")}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("type")
        return str(super().to_internal_value(data))


class Choice(serializers.ChoiceField):
    """One of the listed strings."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


@extend_schema_field({"type": "boolean"})
class Flag(serializers.BooleanField):
    """true or false, nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A JSON integer; strings, fractions and booleans are refused."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", MAX_POINTS)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Points(Whole):
    """A positive number of points, at most 10^12."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 1)
        super().__init__(**kwargs)


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,14}(\.\d{1,6})?$", "example": "19.90"})
class Amount(serializers.Field[Any, Any, Any, Any]):
    """An exact decimal, given as a string or as a JSON number; at most `places` digits after the point."""

    default_error_messages = {
        "invalid": _("Must be a decimal number such as “19.90”."),
        "min_value": _("Must be at least {min_value}."),
        "above": _("Must be greater than {above}."),
        "max_value": _("Must be at most {max_value}."),
        "places": _("At most {places} digits after the decimal point."),
    }

    def __init__(
        self,
        *,
        places: int = 2,
        min_value: Decimal | int | None = None,
        above: Decimal | int | None = None,
        max_value: Decimal | int = 10**12,
        **kwargs: Any,
    ) -> None:
        self.places, self.min_value, self.above, self.max_value = places, min_value, above, max_value
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        value = money.parse(str(data) if isinstance(data, Decimal) else data)
        if value is None:
            # Well spelt, and only finer than money ever is.
            self.fail("places" if _TOO_FINE.match(str(data)) else "invalid", places=self.places)
        if self.min_value is not None and value < self.min_value:
            self.fail("min_value", min_value=self.min_value)
        if self.above is not None and value <= self.above:
            self.fail("above", above=self.above)
        if value > self.max_value:
            self.fail("max_value", max_value=self.max_value)
        exponent = value.normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.places:
            self.fail("places", places=self.places)
        return value

    def to_representation(self, value: Decimal) -> str:
        return money.plain(value)


@extend_schema_field({"type": "string", "format": "date-time"})
class Instant(serializers.Field[Any, Any, Any, Any]):
    """An ISO 8601 date and time with an offset; answered in UTC."""

    default_error_messages = {
        "invalid": _("Must be an ISO 8601 date and time such as “2026-11-22T10:15:00+08:00”."),
        "offset": _("Must carry an offset, such as “+08:00” or “Z”."),
        "range": _("Must lie between 1970 and 2200."),
    }

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str) or len(data) < 16 or data[10:11] not in "Tt ":
            self.fail("invalid")
        if re.search(r":\d\d(\.\d+)? \d\d:?\d\d\Z", data):
            # In a query an unescaped "+08:00" arrives with a space.
            data = "+".join(data.rsplit(" ", 1))
        try:
            value = datetime.fromisoformat(data)
        except ValueError:
            self.fail("invalid")
        if value.tzinfo is None:
            self.fail("offset")
        try:
            value = value.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("range")
        if not EARLIEST <= value < LATEST:
            self.fail("range")
        return value

    def to_representation(self, value: datetime) -> str:
        return instants.text(value)


@extend_schema_field({"type": "string", "format": "date"})
class Day(serializers.Field[Any, Any, Any, Any]):
    """A calendar day, YYYY-MM-DD."""

    default_error_messages = {"invalid": _("Must be a date such as “1990-05-17”.")}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or len(data) != 10:
            self.fail("invalid")
        try:
            value = date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")
        return value

    def to_representation(self, value: date) -> str:
        return value.isoformat()


@extend_schema_field({"type": "string", "format": "uuid"})
class Id(serializers.Field[Any, Any, Any, Any]):
    """An opaque id as the API gave it out."""

    default_error_messages = {"invalid": _("Must be an id as this API gives them out.")}

    def to_internal_value(self, data: Any) -> UUID:
        value = ids.parse(data) if isinstance(data, str) else None
        if value is None:
            self.fail("invalid")
        return value

    def to_representation(self, value: UUID) -> str:
        return str(value)


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.Field[Any, Any, Any, Any]):
    """A JSON object of free content, at most `max_bytes` long when written out."""

    default_error_messages = {
        "invalid": _("Must be a JSON object."),
        "too_large": _("Must be at most {max_bytes} bytes as JSON."),
    }

    def __init__(self, *, max_bytes: int = 16_384, **kwargs: Any) -> None:
        self.max_bytes = max_bytes
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        plain = plain_json(data)
        if len(str(plain)) > self.max_bytes:
            self.fail("too_large", max_bytes=self.max_bytes)
        return plain  # type: ignore[no-any-return]

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "example": {"zh-hans": "杯子", "en": "Mug"},
    }
)
class LocalText(serializers.Field[Any, Any, Any, Any]):
    """A text in one or more languages: `{"zh-hans": …, "en": …}`; a bare string counts for every language."""

    default_error_messages = {
        "invalid": _("Must be an object of texts by language, such as {{“en”: “Mug”}}."),
        "empty": _("At least one language is needed."),
        "language": _("Unknown language “{language}”. Known: {known}."),
        "too_long": _("At most {max_length} characters."),
    }

    def __init__(self, *, max_length: int = 200, **kwargs: Any) -> None:
        self.max_length = max_length
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, str):
            data = dict.fromkeys(words.LANGUAGES, data)
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
            self.fail("invalid")
        for language, text in data.items():
            if language not in words.LANGUAGES:
                self.fail("language", language=language, known=", ".join(words.LANGUAGES))
            if len(text) > self.max_length:
                self.fail("too_long", max_length=self.max_length)
        if not any(text.strip() for text in data.values()):
            self.fail("empty")
        return dict(data)

    def to_representation(self, value: Any) -> Any:
        return value


def plain_json(value: Any) -> Any:
    """The same JSON with exact decimals written as strings, so that it can be stored without floats."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    return value
