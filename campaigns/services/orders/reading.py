"""Reading one JSON object field by field; every error is collected with its pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError

from loyalty.lib import money
from loyalty.lib.errors import FieldError, Invalid, Text, escaped
from loyalty.lib.fields import Instant, plain_json

_INSTANT: Final = Instant()
REQUIRED: Final = _("This field is required.")
MOST: Final = Decimal(10) ** 9


class Reader:
    """The fields of one object. A wrong field is noted and read as its default, so that all are reported."""

    __slots__ = ("data", "errors", "pointer")

    def __init__(
        self, data: Any, pointer: str, known: frozenset[str], errors: list[FieldError] | None = None
    ) -> None:
        self.pointer = pointer
        self.errors: list[FieldError] = [] if errors is None else errors
        self.data: Mapping[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            self.errors.append(FieldError(pointer, "invalid", _("Must be a JSON object.")))
        elif not known.issuperset(data):
            for name in data:
                if name not in known:
                    self.fail(escaped(name), "unknown_field", _("Unknown field."))

    def fail(self, name: str, code: str, detail: Text) -> None:
        """Note what is wrong with a field of this object."""
        self.errors.append(FieldError(f"{self.pointer}/{name}" if name else self.pointer, code, detail))

    def raise_errors(self) -> None:
        """Raise Invalid if anything was noted."""
        if self.errors:
            raise Invalid(self.errors)

    def nested(self, value: Any, name: str, known: frozenset[str]) -> Reader | None:
        """A reader of an object inside this one, which shares its errors; None if it is not an object."""
        reader = Reader(value, f"{self.pointer}/{name}", known, self.errors)
        return reader if isinstance(value, dict) else None

    def text(self, name: str, most: int, *, required: bool = False, printable: bool = False) -> str:
        """A string of at most `most` characters, without the space around it; '' where it is not given."""
        value = self.data.get(name)
        if value is None:
            if required:
                self.fail(name, "required", REQUIRED)
            return ""
        if not isinstance(value, str):
            self.fail(name, "type", _("Must be a string."))
            return ""
        value = value.strip()
        if required and not value:
            self.fail(name, "blank", _("May not be blank."))
        elif len(value) > most:
            self.fail(name, "max_length", _("At most %(max)d characters.") % {"max": most})
        elif printable and not value.isprintable():
            self.fail(name, "character", _("Contains a character that no text may hold."))
        return value

    def texts(self, name: str, most: int, length: int) -> frozenset[str]:
        """A list of distinct strings."""
        found = set()
        for index, value in enumerate(self.items(name, 0, most)):
            if not isinstance(value, str):
                self.fail(f"{name}/{index}", "type", _("Must be a string."))
            elif not value.strip():
                self.fail(f"{name}/{index}", "blank", _("May not be blank."))
            elif len(value) > length:
                self.fail(f"{name}/{index}", "max_length", _("At most %(max)d characters.") % {"max": length})
            else:
                found.add(value.strip())
        return frozenset(found)

    def only_text(self) -> bool:
        """Whether every value of the object is a string; notes those that are not."""
        wrong = [name for name, value in self.data.items() if not isinstance(value, str)]
        for name in wrong:
            self.fail(escaped(name), "type", _("Must be a string."))
        return not wrong

    def amount(
        self,
        name: str,
        *,
        places: int,
        least: Decimal | None = None,
        above: Decimal | None = None,
        most: Decimal = MOST,
        required: bool = False,
    ) -> Decimal | None:
        """An exact decimal, given as a string or a JSON number; None where it is missing or wrong."""
        given = self.data.get(name)
        if given is None:
            if required:
                self.fail(name, "required", REQUIRED)
            return None
        value = money.parse(str(given) if isinstance(given, Decimal) else given)
        if value is None:
            self.fail(name, "invalid", _("Must be a decimal number such as “19.90”."))
        elif least is not None and value < least:
            self.fail(name, "min_value", _("Must be at least %(least)s.") % {"least": least})
        elif above is not None and value <= above:
            self.fail(name, "above", _("Must be greater than %(above)s.") % {"above": above})
        elif value > most:
            self.fail(name, "max_value", _("Must be at most %(most)s.") % {"most": most})
        elif (value * 10**places) % 1:
            self.fail(
                name, "places", _("At most %(places)d digits after the decimal point.") % {"places": places}
            )
        else:
            return value
        return None

    def instant(
        self, name: str, *, latest: datetime | None = None, required: bool = False
    ) -> datetime | None:
        """An instant with an offset, in UTC; None where it is missing or wrong."""
        given = self.data.get(name)
        if given is None:
            if required:
                self.fail(name, "required", REQUIRED)
            return None
        try:
            value = _INSTANT.to_internal_value(given)
        except ValidationError as error:
            for detail in error.detail:
                self.fail(name, getattr(detail, "code", "invalid"), str(detail))
            return None
        if latest is not None and value > latest:
            self.fail(name, "future", _("Lies more than a day ahead."))
            return None
        return value

    def currency(self, name: str) -> str:
        """A required ISO 4217 code."""
        value = self.text(name, 3, required=True)
        if value and len(value) <= 3 and not money.CURRENCY.match(value):
            self.fail(name, "currency", _("Not an ISO 4217 code such as CNY."))
        return value

    def items(self, name: str, least: int, most: int) -> list[Any]:
        """A list; empty where it is missing or wrong."""
        value = self.data.get(name)
        if value is None:
            if least:
                self.fail(name, "required", REQUIRED)
            return []
        if not isinstance(value, list):
            self.fail(name, "not_a_list", _("Must be a list."))
        elif len(value) < least:
            self.fail(name, "empty", _("May not be empty."))
        elif len(value) > most:
            self.fail(name, "max_items", _("At most %(max)d items.") % {"max": most})
        else:
            return value
        return []

    def flag(self, name: str) -> bool:
        """true or false; false where it is missing or wrong."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, bool):
            self.fail(name, "invalid", _("Must be true or false."))
        return value is True

    def json(self, name: str, most: int) -> dict[str, Any]:
        """An object of free content, at most `most` characters as JSON."""
        value = self.data.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fail(name, "invalid", _("Must be a JSON object."))
            return {}
        plain: dict[str, Any] = plain_json(value)
        if len(json.dumps(plain, ensure_ascii=False)) > most:
            self.fail(name, "too_large", _("At most %(max)d characters as JSON.") % {"max": most})
        return plain
