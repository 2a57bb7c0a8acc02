"""The JSON Schema that a brand registers for an activity's attributes: is it one, and what does not fit it.

The brand writes the schema and its callers write the values, so neither may cost more time than its length:
patterns run on RE2, which is linear, and a schema neither refers to others nor nests without end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema
import re2
from django.utils.translation import gettext_lazy as _
from jsonschema import validators

from campaigns.schema.structure import TYPES, pointer_of
from loyalty.lib.errors import FieldError, Invalid, Text

MOST_SCHEMA: Final = 16_384
MOST_PATTERN: Final = 400
MOST_DEPTH: Final = 20
AT: Final = "/attributes_schema"
_REFERRING: Final = ("$ref", "$dynamicRef")
_UNNAMED: Final = ("patternProperties", "unevaluatedProperties", "unevaluatedItems")
# How JSON writes a character by its number; RE2 writes it otherwise.
_NUMBERED: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9A-Fa-f]{4})")
_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_LIMITS: Final[Mapping[str, Text]] = {
    "minimum": _("Must be at least %(least)s."),
    "maximum": _("Must be at most %(most)s."),
    "exclusiveMinimum": _("Must be above %(limit)s."),
    "exclusiveMaximum": _("Must be below %(limit)s."),
    "multipleOf": _("Must be a multiple of %(limit)s."),
    "minLength": _("At least %(limit)s characters."),
    "maxLength": _("At most %(limit)s characters."),
    "minItems": _("At least %(limit)s items."),
    "maxItems": _("At most %(limit)s items."),
    "minProperties": _("At least %(limit)s fields."),
    "maxProperties": _("At most %(limit)s fields."),
}
_SENTENCES: Final[Mapping[str, Text]] = {
    "pattern": _("Is not written in the form that this field takes."),
    "uniqueItems": _("No item may come twice."),
}
_OTHERWISE: Final = _("Does not fit what the brand registered.")


def check(schema: Mapping[str, Any]) -> None:
    """Raises Invalid, with a pointer, for a schema that cannot be registered."""
    text = json.dumps(schema)
    if len(text) > MOST_SCHEMA:
        raise Invalid.at(AT, "max_length", _("At most 16,384 characters of JSON."))
    if any(f'"{keyword}"' in text for keyword in _REFERRING):
        raise Invalid.at(AT, "reference", _("A schema cannot refer to another."))
    for keyword in _UNNAMED:
        if f'"{keyword}"' in text:
            detail = _("%(keyword)s is not taken here: name the fields under properties.")
            raise Invalid.at(AT, "keyword", detail % {"keyword": keyword})
    _check_depth(schema)
    for at, pattern in _patterns(schema, ()):
        if len(pattern) > MOST_PATTERN or _compiled(pattern) is None:
            detail = _("No pattern that RE2 reads, without lookaround, of at most %(most)d characters.")
            raise Invalid.at(AT + pointer_of(*at), "pattern", detail % {"most": MOST_PATTERN})
    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        detail = _("Is not what JSON Schema (2020-12) has here.")
        raise Invalid.at(AT + pointer_of(*error.absolute_path), "schema", detail) from None
    kinds = schema.get("type", "object")
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        raise Invalid.at(
            f"{AT}/type", "not_an_object", _("Attributes are an object: no other type ever fits.")
        )


def faults(schema: Mapping[str, Any], attributes: Mapping[str, Any]) -> Iterator[FieldError]:
    """What of the attributes does not fit the schema, each thing once, by pointer."""
    found: dict[tuple[str, str], FieldError] = {}
    for error in _Validator(dict(schema)).iter_errors(dict(attributes)):
        for each in _faults_of(error):
            found.setdefault((each.pointer, each.code), each)
    yield from (found[key] for key in sorted(found))


def _faults_of(error: jsonschema.ValidationError) -> Iterator[FieldError]:
    where, keyword = ["attributes", *error.absolute_path], str(error.validator or "false")
    code = f"schema_{keyword}"
    value: Any = error.validator_value
    instance: Any = error.instance
    for name in _missing(keyword, value, instance):
        yield FieldError(pointer_of(*where, name), code, _("This field is required."))
    if keyword in ("required", "dependentRequired"):
        return
    if keyword == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        for name in instance:
            if name not in known:
                yield FieldError(pointer_of(*where, name), code, _("Unknown field."))
        return
    yield FieldError(pointer_of(*where), code, _sentence(keyword, value))


def _missing(keyword: str, value: Any, instance: Any) -> Iterable[str]:
    """The fields that are not there and have to be."""
    if keyword == "required":
        return [name for name in value if name not in instance]
    if keyword == "dependentRequired":
        wanted = [name for has, names in value.items() if has in instance for name in names]
        return [name for name in wanted if name not in instance]
    return ()


def _sentence(keyword: str, value: Any) -> Text:
    if keyword in _LIMITS:
        return _LIMITS[keyword] % {"limit": value, "least": value, "most": value}
    if keyword == "type":
        return TYPES.get(value if isinstance(value, str) else value[0], _OTHERWISE)
    if keyword in ("enum", "const"):
        choices = ", ".join(str(each)[:80] for each in (value if keyword == "enum" else [value])[:20])
        return _("Must be one of: %(choices)s.") % {"choices": choices}
    return _SENTENCES.get(keyword, _OTHERWISE)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Callable[[str], Any] | None:
    """What searches a text for the pattern; None for one that RE2 does not read."""
    try:
        found: Callable[[str], Any] = re2.compile(_NUMBERED.sub(r"\1\\x{\2}", pattern), _OPTIONS).search
    except re2.error:
        return None
    return found


def _pattern(
    validator: Any, pattern: str, instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    search = _compiled(pattern)
    if validator.is_type(instance, "string") and (search is None or not search(instance)):
        yield jsonschema.ValidationError("pattern")


def _unique(
    validator: Any, wanted: bool, instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    """Without comparing each with each."""
    listed = wanted and validator.is_type(instance, "array")
    if listed and len({json.dumps(each, sort_keys=True) for each in instance}) < len(instance):
        yield jsonschema.ValidationError("uniqueItems")


_OWN: Final = {"pattern": _pattern, "uniqueItems": _unique}
_Validator: Any = validators.extend(jsonschema.Draft202012Validator, _OWN)  # type: ignore[no-untyped-call]


def _patterns(value: Any, at: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    for key, item in _inside(value):
        if key == "pattern" and isinstance(item, str):
            yield (*at, key), item
        else:
            yield from _patterns(item, (*at, key))


def _inside(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _check_depth(schema: Mapping[str, Any]) -> None:
    level: list[Any] = [schema]
    for _depth in range(MOST_DEPTH):
        level = [below for value in level for _key, below in _inside(value)]
    if any(isinstance(value, Mapping | list) for value in level):
        raise Invalid.at(AT, "depth", _("Is nested more than %(most)d deep.") % {"most": MOST_DEPTH})
