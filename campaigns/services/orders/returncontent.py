"""A return as it was sent: read strictly, in one form, and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.services.orders.reading import Reader
from loyalty.lib import instants, money

RETURN_FIELDS: Final = frozenset({"return_id", "returned_at", "lines", "all"})
RETURN_LINE_FIELDS: Final = frozenset({"line_id", "quantity"})
MAX_LINES: Final = 1000
AHEAD: Final = timedelta(days=1)
# Returns that the platform makes itself; no caller's number begins like them.
CANCEL_PREFIX: Final = "cancel:"


@dataclass(frozen=True, slots=True)
class ReturnContent:
    """A return in normal form: quantities by line_id, or everything that is left."""

    return_id: str
    returned_at: datetime | None
    lines: Mapping[str, Decimal] = field(default_factory=dict)
    everything: bool = False

    def as_json(self) -> dict[str, Any]:
        """The normal form: what is hashed, and what is kept while the return is parked."""
        return {
            "return_id": self.return_id,
            "returned_at": instants.text(self.returned_at) if self.returned_at else None,
            "lines": {line_id: money.plain(q, 0) for line_id, q in sorted(self.lines.items())},
            "all": self.everything,
        }

    def digest(self, order_id: str) -> str:
        """SHA-256 of the return and of the order that it is for."""
        text = json.dumps([order_id, self.as_json()], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> ReturnContent:
        """A parked return, read back."""
        returned_at = kept["returned_at"]
        return cls(
            return_id=kept["return_id"],
            returned_at=datetime.fromisoformat(returned_at) if returned_at else None,
            lines={line_id: Decimal(quantity) for line_id, quantity in kept["lines"].items()},
            everything=kept["all"],
        )


def parse(data: Any, *, now: datetime) -> ReturnContent:
    """The return in `data`, the parsed JSON of a body.

    Raises Invalid with a pointer for every field that is wrong.
    """
    body = Reader(data, "", RETURN_FIELDS)
    return_id = body.text("return_id", 100, required=True, printable=True)
    if return_id.startswith(CANCEL_PREFIX):
        body.fail("return_id", "reserved", _("May not begin with “cancel:”."))
    returned_at = body.instant("returned_at", latest=now + AHEAD)
    everything = body.flag("all")
    lines: dict[str, Decimal] = {}
    for index, item in enumerate(body.items("lines", 0, MAX_LINES)):
        reader = body.nested(item, f"lines/{index}", RETURN_LINE_FIELDS)
        if reader is None:
            continue
        line_id = reader.text("line_id", 64, required=True)
        quantity = reader.amount("quantity", places=3, above=Decimal(0), required=True)
        if line_id in lines:
            reader.fail("line_id", "duplicate", _("Another line has this line_id already."))
        lines[line_id] = quantity or Decimal(0)
    given = bool(body.data.get("lines"))
    if everything and given:
        body.fail("lines", "not_with_all", _("Give either lines or all, not both."))
    elif not everything and not lines and not body.errors:
        body.fail("lines", "required", _("Name the lines that came back, or give all."))
    body.raise_errors()
    return ReturnContent(return_id, returned_at, lines, everything)
