"""Errors of shape, in words: what the JSON Schema refuses becomes a pointer, a code and a sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from jsonschema import Draft202012Validator, ValidationError

from campaigns.schema.document import NOT_BLANK, schema_for
from loyalty.lib.errors import FieldError, Text, escaped

MAX_TEXT: Final = 400
TYPES: Final[dict[str, Text]] = {
    "object": _("Must be an object."),
    "array": _("Must be a list."),
    "string": _("Must be a string."),
    "boolean": _("Must be true or false."),
    "integer": _("Must be a whole number."),
    "number": _("Must be a number."),
    "null": _("Must be null."),
}


def pointer_of(*parts: Any) -> str:
    """An RFC 6901 pointer from its parts."""
    return "".join("/" + escaped(part) for part in parts)


def shape_errors(body: dict[str, Any]) -> list[FieldError]:
    """Everything about the shape of a rule that its schema refuses, but for conditions."""
    found: list[FieldError] = []
    for error in Draft202012Validator(schema_for(body)).iter_errors(body):
        found += _field_errors(error)
    return sorted(found, key=lambda each: each.pointer)


def _field_errors(error: ValidationError) -> Iterator[FieldError]:
    where = list(error.absolute_path)
    at = pointer_of(*where)
    value: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "required":
        missing = [name for name in value if name not in instance]
        name = next((name for name in missing if repr(name) in error.message), missing[0])
        yield FieldError(pointer_of(*where, name), "required", _("This field is required."))
    elif error.validator == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        for name in instance:
            if name not in known:
                yield FieldError(pointer_of(*where, name), "unknown_field", _("Unknown field."))
    elif error.validator == "type":
        first = value if isinstance(value, str) else value[0]
        yield FieldError(at, "type", TYPES[first])
    elif error.validator in ("enum", "const"):
        known_values = value if error.validator == "enum" else [value]
        choices = ", ".join(str(each) for each in known_values)
        yield FieldError(at, "choice", _("Must be one of: %(choices)s.") % {"choices": choices})
    elif error.validator == "pattern" and value == NOT_BLANK:
        if instance:  # else its length says so
            yield FieldError(at, "blank", _("May not be empty."))
    elif at == "/trigger":
        yield FieldError(at, "unknown_trigger", _("Unknown trigger “%(trigger)s”.") % {"trigger": instance})
    else:
        yield FieldError(at, *_other(str(error.validator), value))


def _other(validator: str, limit: Any) -> tuple[str, Text]:
    sentences: dict[str, tuple[str, Text]] = {
        "pattern": ("format", _("Is not written in the form that this field takes.")),
        "maxLength": ("too_long", _("At most %(limit)s characters.")),
        "minLength": ("blank", _("May not be empty.")),
        "minItems": ("too_few", _("At least %(limit)s items.")),
        "maxItems": ("too_many", _("At most %(limit)s items.")),
        "minProperties": ("blank", _("May not be empty.")),
    }
    code, sentence = sentences.get(validator, ("invalid", _("Is not valid.")))
    return code, sentence % {"limit": limit} if "%(limit)s" in str(sentence) else sentence


def text_errors(value: Any, pointer: str) -> Iterator[FieldError]:
    """Texts that no rule needs: control characters, and more than MAX_TEXT of them (a description may be
    longer and have lines)."""
    if isinstance(value, dict):
        for key, item in value.items():
            if pointer or key != "description":
                yield from text_errors(item, pointer + pointer_of(key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from text_errors(item, f"{pointer}/{n}")
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            yield FieldError(pointer, "too_long", _("At most %(limit)s characters.") % {"limit": MAX_TEXT})
        elif any(unicodedata.category(char) == "Cc" for char in value):
            yield FieldError(pointer, "character", _("Contains a character that no text may hold."))
