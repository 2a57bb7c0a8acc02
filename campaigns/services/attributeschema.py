"""The JSON Schema that a brand registers for an activity's attributes: is it one, and what does not fit it.

The brand writes the schema and its callers write the values, so neither may cost more time than its length:
patterns run on RE2, which is linear, and a schema neither refers to others nor nests without end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
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
MOST_DIGITS: Final = 15
AT: Final = "/attributes_schema"
_REFERRING: Final = frozenset({"$ref", "$dynamicRef"})
_UNNAMED: Final = frozenset({"patternProperties", "unevaluatedProperties", "unevaluatedItems"})
# Where a schema has schemas: by name, in a list, or one.
_BY_NAME: Final = frozenset({"properties", "dependentSchemas", "$defs"})
_LISTED: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE: Final = frozenset(
    {"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"}
)
# The rest of what 2020-12 knows: what is judged, and what is only said.
_JUDGED: Final = frozenset(
    {
        "type", "enum", "const", "pattern", "format", "required", "dependentRequired", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems",
        "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties",
    }
)  # fmt: skip
_SAID: Final = frozenset(
    {
        "$schema", "$id", "$comment", "$anchor", "title", "description", "default", "examples", "example",
        "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
    }
)  # fmt: skip
_KNOWN: Final = _BY_NAME | _LISTED | _SINGLE | _JUDGED | _SAID
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
    """Raises Invalid, with a pointer for each fault, for a schema that cannot be registered."""
    plain = stored(schema)
    text = json.dumps(plain)
    if len(text) > MOST_SCHEMA:
        raise Invalid.at(AT, "max_length", _("At most 16,384 characters of JSON."))
    _check_depth(plain)
    found = list(_odd(plain, ()))
    if not found:
        found = [
            FieldError(
                AT + pointer_of(*error.absolute_path),
                "schema",
                _("Is not what JSON Schema (2020-12) has here."),
            )
            for error in _of_schemas().iter_errors(plain)
        ]
    if not found and "object" not in _types(plain):
        detail = _("Attributes are an object: no other type ever fits.")
        found = [FieldError(f"{AT}/type", "not_an_object", detail)]
    if found:
        raise Invalid(found)


def stored(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as it is kept and told: decimals, which JSON knows, as JSON's numbers."""
    plain: dict[str, Any] = _with_numbers(schema, Decimal, _number)
    return plain


def faults(
    schema: Mapping[str, Any], attributes: Mapping[str, Any], *, recorded: bool = False
) -> Iterator[FieldError]:
    """What of the attributes does not fit the schema, each thing once, by pointer.

    `recorded`: they were kept, with decimals as strings.
    """
    kind = _RecordedValidator if recorded else _Validator
    exact = _with_numbers(schema, float, lambda number: Decimal(repr(number)))
    found: dict[tuple[str, str], FieldError] = {}
    for error in kind(exact).iter_errors(dict(attributes)):
        for each in _faults_of(error):
            found.setdefault((each.pointer, each.code), each)
    yield from (found[key] for key in sorted(found))


def _with_numbers(value: Any, kind: type, made: Callable[[Any], Any]) -> Any:
    """The same JSON with each number of a kind made into another."""
    if isinstance(value, Mapping):
        return {key: _with_numbers(item, kind, made) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item, kind, made) for item in value]
    return made(value) if isinstance(value, kind) else value


def _number(value: Decimal) -> int | float:
    if abs(value.adjusted()) > MOST_DIGITS:
        detail = _("A number has at most %(most)d digits before and after the point.")
        raise Invalid.at(AT, "number", detail % {"most": MOST_DIGITS})
    return int(value) if value == value.to_integral_value() else float(value)


def _types(schema: Mapping[str, Any]) -> Sequence[str]:
    wanted = schema.get("type", "object")
    return [wanted] if isinstance(wanted, str) else wanted


def _odd(schema: Any, at: tuple[Any, ...]) -> Iterator[FieldError]:
    """What no schema here may have, at its place; other schemas stand only where 2020-12 has them."""
    if not isinstance(schema, Mapping):
        return
    for name, value in schema.items():
        here = AT + pointer_of(*at, name)
        if name in _REFERRING:
            yield FieldError(here, "reference", _("A schema cannot refer to another."))
        elif name in _UNNAMED:
            detail = _("%(keyword)s is not taken here: name the fields under properties.")
            yield FieldError(here, "keyword", detail % {"keyword": name})
        elif name not in _KNOWN and not name.startswith("x-"):
            detail = _("JSON Schema (2020-12) has no “%(keyword)s”: it would do nothing.")
            yield FieldError(here, "unknown_keyword", detail % {"keyword": name[:80]})
        elif name == "pattern" and isinstance(value, str):
            if len(value) > MOST_PATTERN or _compiled(value) is None:
                detail = _("No pattern that RE2 reads, without lookaround, of at most %(most)d characters.")
                yield FieldError(here, "pattern", detail % {"most": MOST_PATTERN})
        elif name in _SINGLE:
            yield from _odd(value, (*at, name))
        elif (name in _BY_NAME and isinstance(value, Mapping)) or name in _LISTED:
            for key, item in _inside(value):
                yield from _odd(item, (*at, name, key))


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
    if listed and len({json.dumps(each, sort_keys=True, default=str) for each in instance}) < len(instance):
        yield jsonschema.ValidationError("uniqueItems")


def _is_number(_checker: Any, value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_integer(_checker: Any, value: Any) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()  # however large: no digits are written out
    return isinstance(value, int) and not isinstance(value, bool)


def _multiple(validator: Any, unit: Any, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """Exactly, and of numbers that can be written out."""
    if not validator.is_type(instance, "number"):
        return
    if abs(Decimal(instance).adjusted()) > MOST_DIGITS * 2 or Fraction(instance) % Fraction(unit):
        yield jsonschema.ValidationError("multipleOf")


def _type_as_recorded(
    validator: Any, types: str | Sequence[str], instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    """A decimal was kept as a string."""
    wanted = [types] if isinstance(types, str) else types
    decimal = "number" in wanted and isinstance(instance, str) and _DECIMAL.match(instance)
    if not decimal and not any(validator.is_type(instance, each) for each in wanted):
        yield jsonschema.ValidationError("type")


_OWN: Final = {"pattern": _pattern, "uniqueItems": _unique, "multipleOf": _multiple}
_DECIMAL: Final = re.compile(r"-?\d+\.\d+([Ee][+-]?\d+)?\Z")
_CHECKER: Final = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"number": _is_number, "integer": _is_integer}
)
_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, _OWN, type_checker=_CHECKER
)
_RecordedValidator: Any = validators.extend(  # type: ignore[no-untyped-call]
    _Validator, {"type": _type_as_recorded}
)


@cache
def _of_schemas() -> Any:
    """What judges schemas themselves."""
    return jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)


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
