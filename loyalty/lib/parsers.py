"""Reading bodies: strict JSON, bounded in size and depth."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from loyalty.lib.errors import Invalid, escaped

MAX_DEPTH = 32
_SURROGATE = re.compile("[\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """JSON without floats, duplicates lost, NaN, NUL characters or bottomless nesting."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = read_limited(stream, parser_context)
        return strict_json(raw) if raw else {}


def strict_json(raw: bytes) -> Any:
    """The JSON in `raw`, decimals exact. Raises ParseError for what is no JSON, Invalid for unfit texts."""
    try:
        text = raw.decode("utf-8-sig")
        value = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        # Where, but not Python's words for what: those are English in every language.
        where = {"line": error.lineno, "column": error.colno}
        raise ParseError(_("The body is not valid JSON: line %(line)s, column %(column)s.") % where) from None
    except (ValueError, RecursionError):
        raise ParseError(_("The body is not valid JSON.")) from None
    if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
        # Else nothing can be amiss: UTF-8 and JSON hold such characters as escapes alone.
        _check(value, "", 0)
    return value


def read_limited(stream: Any, context: Mapping[str, Any] | None) -> bytes:
    """The body, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes. Raises RequestDataTooBig beyond that."""
    limit = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
    request = (context or {}).get("request")
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    if declared and str(declared).isdigit() and int(declared) > limit:
        raise RequestDataTooBig
    raw: bytes = stream.read(limit + 1)
    if len(raw) > limit:
        raise RequestDataTooBig
    return raw


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _check(value: Any, pointer: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ParseError(_("The body is nested too deeply."))
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, pointer)
            _check(item, f"{pointer}/{escaped(key)}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{pointer}/{index}", depth + 1)


def _check_text(text: str, pointer: str) -> None:
    if "\x00" in text or (not text.isascii() and _SURROGATE.search(text)):
        raise Invalid.at(pointer, "character", _("Contains a character that no text may hold."))
