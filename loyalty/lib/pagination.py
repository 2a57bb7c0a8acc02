"""Cursor pagination: `?cursor=&limit=` in, `{"items": […], "next_cursor": …}` out (api.md)."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000


def page(
    rows: QuerySet[Any],
    request: Any,
    render: Callable[[Any], Any],
    *,
    order: Sequence[str] = ("-id",),
) -> dict[str, Any]:
    """One page of `rows` in `order` (field names, `-` = descending; the last one unique, none null).

    Raises Invalid if the cursor is not one of ours or the limit is out of bounds.
    """
    limit = _limit(request.query_params.get("limit"))
    cursor = request.query_params.get("cursor")
    try:
        if cursor:
            rows = rows.filter(_after(order, _decode(cursor, len(order))))
        found = list(rows.order_by(*order)[: limit + 1])
    except (ValidationError, ValueError, TypeError, OverflowError):
        raise _bad_cursor() from None
    more = len(found) > limit
    found = found[:limit]
    last = [str(_value(found[-1], name)) for name in order] if more else None
    return {"items": [render(row) for row in found], "next_cursor": _encode(last) if last else None}


def _value(row: Any, name: str) -> Any:
    value = getattr(row, name.lstrip("-"))
    return value.isoformat() if hasattr(value, "isoformat") else value


def _after(order: Sequence[str], values: Sequence[str]) -> Q:
    clause, equal = Q(), Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        step = "lt" if name.startswith("-") else "gt"
        clause |= equal & Q(**{f"{field}__{step}": value})
        equal &= Q(**{field: value})
    return clause


def _limit(text: str | None) -> int:
    if text is None or text == "":
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MAX_LIMIT:
        raise Invalid.at(
            "/limit", "limit", _("Must be a whole number from 1 to %(max)d.") % {"max": MAX_LIMIT}
        )
    return int(text)


def _encode(values: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[str]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, UnicodeError, RecursionError):  # the last: brackets within brackets
        values = None
    if not isinstance(values, list) or len(values) != length or not all(isinstance(v, str) for v in values):
        raise _bad_cursor()
    if any("\x00" in value for value in values):
        raise _bad_cursor()
    return values


def _bad_cursor() -> Invalid:
    return Invalid.at("/cursor", "cursor", _("Not a cursor that this list gave out."))
