"""An order as it was sent: read strictly, brought into one form, and hashed so that repeats are recognised.

Reading is written by hand rather than with nested serializers: it runs for every order and every line of a
batch. `partners.api.orderdocs` describes the same fields for OpenAPI, and a test holds the two together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from campaigns import errors
from campaigns.engine import Line, Order
from campaigns.services.orders.reading import REQUIRED, Reader
from loyalty.lib import ids, instants, money
from loyalty.lib.errors import Invalid
from members.identities import FIELDS as IDENTITY_FIELDS
from members.identities import Key
from members.identities import read as read_identities

MAX_LINES: Final = 1000
MAX_TAGS: Final = 50
AHEAD: Final = timedelta(days=1)
CENT: Final = Decimal("0.01")
MAX_AMOUNT: Final = Decimal(10) ** 12
# Ways of paying that are not new money: what was paid with them does not earn again (compliance.md).
UNEARNED: Final = frozenset({"points", "coupon", "gift_card"})

ORDER_FIELDS: Final = frozenset(
    {
        "order_id", "member", "ordered_at", "completed_at", "channel", "store_id", "region", "currency",
        "lines", "total", "payments", "attributes",
    }
)  # fmt: skip
LINE_FIELDS: Final = frozenset(
    {
        "line_id", "sku", "name", "category", "brand", "product_line", "quantity", "unit_price", "discount",
        "tags",
    }
)  # fmt: skip
PAYMENT_FIELDS: Final = frozenset({"method", "amount"})


@dataclass(frozen=True, slots=True)
class MemberRef:
    """Who an order or activity is for: a member's id, or one identity."""

    member_id: UUID | None = None
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """An order in normal form. `member` is None for a guest order. Money is in the brand's currency."""

    order_id: str
    member: MemberRef | None
    ordered_at: datetime
    currency: str
    lines: tuple[Line, ...]
    amount: Decimal
    completed_at: datetime | None = None
    channel: str = ""
    store_id: str = ""
    region: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    payments: tuple[tuple[str, Decimal], ...] = ()

    def order(self) -> Order:
        """The order as the rules see it."""
        return Order(
            order_id=self.order_id,
            ordered_at=self.ordered_at,
            currency=self.currency,
            lines=self.lines,
            channel=self.channel,
            store_id=self.store_id,
            region=self.region,
            attributes=self.attributes,
            unearned=sum((amount for method, amount in self.payments if method in UNEARNED), Decimal(0)),
        )

    def digest(self) -> str:
        """SHA-256 of the normal form without the member, who is compared as a person, not as text."""
        plain = {
            "order_id": self.order_id,
            "ordered_at": instants.text(self.ordered_at),
            "completed_at": instants.text(self.completed_at) if self.completed_at else None,
            "channel": self.channel,
            "store_id": self.store_id,
            "region": self.region,
            "currency": self.currency,
            "attributes": self.attributes,
            "payments": [[method, money.plain(amount)] for method, amount in self.payments],
            "lines": [line_json(line) for line in self.lines],
        }
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def line_json(line: Line) -> dict[str, Any]:
    """A line as JSON, decimals in normal form."""
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "name": line.name,
        "category": line.category,
        "brand": line.brand,
        "product_line": line.product_line,
        "quantity": money.plain(line.quantity, 0),
        "unit_price": money.plain(line.unit_price),
        "discount": money.plain(line.discount),
        "tags": sorted(line.tags),
    }


def parse(data: Any, *, currency: str, now: datetime) -> Content:
    """The order in `data`, the parsed JSON of a body; `currency` is the brand's.

    Raises Invalid with a pointer for every field that is wrong, CurrencyNotAccepted.
    """
    return _content(Reader(data, "", ORDER_FIELDS), currency=currency, now=now)


def parse_correction(data: Any, *, order_id: str, currency: str, now: datetime) -> tuple[Content, int]:
    """The corrected order in `data` and its revision, from 2 upwards; it keeps the number `order_id`.

    Raises Invalid with a pointer for every field that is wrong, CurrencyNotAccepted.
    """
    body = Reader(data, "", ORDER_FIELDS | {"revision"})
    revision = body.data.get("revision")
    if revision is None:
        body.fail("revision", "required", REQUIRED)
    elif isinstance(revision, bool) or not isinstance(revision, int) or not 2 <= revision < 2**31:
        body.fail("revision", "invalid", _("Must be a whole number from 2 upwards."))
    given = body.data.get("order_id")
    if isinstance(given, str) and given.strip() != order_id:
        body.fail("order_id", "fixed", _("Must be the number that the address names."))
    return _content(body, currency=currency, now=now), int(revision or 0)


def _content(body: Reader, *, currency: str, now: datetime) -> Content:
    order_id = body.text("order_id", 100, required=True, printable=True)
    member = _member(body)
    ordered_at = body.instant("ordered_at", latest=now + AHEAD, required=True)
    completed_at = body.instant("completed_at", latest=now + AHEAD)
    given = body.currency("currency")
    lines = _lines(body)
    attributes = body.json("attributes", 16_384)
    texts = {
        "channel": body.text("channel", 40),
        "store_id": body.text("store_id", 64),
        "region": body.text("region", 32),
    }
    total = body.amount("total", places=6, least=Decimal(0))
    payments = _payments(body)
    amount = Decimal(0)
    if not body.errors:
        amount = _amount(lines, body)
        _check_total(lines, amount, total, body)
        if sum((paid for _method, paid in payments), Decimal(0)) > amount:
            body.fail("payments", "exceeds_total", _("The payments exceed what the lines come to."))
    body.raise_errors()
    assert ordered_at is not None
    if given != currency:
        raise errors.CurrencyNotAccepted(currency=given, accepted=currency)
    return Content(
        order_id=order_id,
        member=member,
        ordered_at=ordered_at,
        completed_at=completed_at,
        currency=given,
        lines=tuple(lines),
        amount=amount,
        attributes=attributes,
        payments=tuple(payments),
        **texts,
    )


def exact_amount(lines: list[Line] | tuple[Line, ...]) -> Fraction:
    """The sum of the lines' exact amounts."""
    return sum((line.amount for line in lines), Fraction(0))


def _member(body: Reader) -> MemberRef | None:
    if "member" not in body.data:
        body.fail("member", "required", _("This field is required; null stands for a guest."))
        return None
    value = body.data["member"]
    if value is None:
        return None
    return member_ref(value, body)


def member_ref(value: Any, body: Reader, name: str = "member") -> MemberRef | None:
    """The member that an object names: by `member_id`, or by exactly one identity. Errors go to `body`."""
    who = body.nested(value, name, frozenset({"member_id", *IDENTITY_FIELDS}))
    if who is None:
        return None
    if not who.only_text():
        return None
    named = who.data.get("member_id")
    if named is not None:
        member_id = ids.parse(named)
        if member_id is None:
            who.fail("member_id", "invalid", _("Must be an id as this API gives them out."))
        elif len(who.data) > 1:
            body.fail(name, "one_identity", _("Name the member by member_id or by one identity, not both."))
        return MemberRef(member_id)
    try:
        keys = read_identities(who.data, who.pointer)
    except Invalid as invalid:
        body.errors += invalid.errors
        return None
    if len(keys) != 1 and not any(error.pointer.startswith(f"{who.pointer}/") for error in body.errors):
        body.fail(name, "one_identity", _("Name the member by member_id or by exactly one identity."))
    return MemberRef(None, tuple(keys))


def _lines(body: Reader) -> list[Line]:
    found: list[Line] = []
    seen: set[str] = set()
    for index, item in enumerate(body.items("lines", 1, MAX_LINES)):
        reader = body.nested(item, f"lines/{index}", LINE_FIELDS)
        if reader is None:
            continue
        line = _line(reader, str(index + 1))
        if line.line_id in seen:
            reader.fail("line_id", "duplicate", _("Another line has this line_id already."))
        seen.add(line.line_id)
        found.append(line)
    return found


def _line(reader: Reader, position: str) -> Line:
    quantity = reader.amount("quantity", places=3, above=Decimal(0), required=True)
    unit_price = reader.amount("unit_price", places=4, least=Decimal(0), most=Decimal(10**9), required=True)
    discount = reader.amount("discount", places=2, least=Decimal(0)) or Decimal(0)
    line = Line(
        line_id=reader.text("line_id", 64) or position,
        sku=reader.text("sku", 64),
        name=reader.text("name", 200),
        category=reader.text("category", 200),
        brand=reader.text("brand", 80),
        product_line=reader.text("product_line", 80),
        quantity=quantity or Decimal(0),
        unit_price=unit_price or Decimal(0),
        discount=discount,
        tags=reader.texts("tags", MAX_TAGS, 64),
    )
    if quantity is not None and unit_price is not None and line.amount < 0:
        reader.fail("discount", "exceeds_amount", _("The discount exceeds quantity × unit_price."))
    return line


def _payments(body: Reader) -> list[tuple[str, Decimal]]:
    found: list[tuple[str, Decimal]] = []
    for index, item in enumerate(body.items("payments", 0, 20)):
        reader = body.nested(item, f"payments/{index}", PAYMENT_FIELDS)
        if reader is not None:
            method = reader.text("method", 40, required=True)
            amount = reader.amount("amount", places=2, least=Decimal(0), required=True)
            found.append((method, amount or Decimal(0)))
    return found


def _amount(lines: list[Line], body: Reader) -> Decimal:
    exact = exact_amount(lines)
    if exact > MAX_AMOUNT:
        body.fail("lines", "max_value", _("The lines come to more than an order may."))
        return Decimal(0)
    return _rounded(exact)


def _check_total(lines: list[Line], amount: Decimal, total: Decimal | None, body: Reader) -> None:
    # A till rounds each line, or the sum, or neither: all three add up.
    if total is None:
        return
    by_line = sum((_rounded(line.amount) for line in lines), Decimal(0))
    if total not in (amount, by_line) and Fraction(total) != exact_amount(lines):
        body.fail(
            "total", "total_mismatch", _("The lines come to %(amount)s.") % {"amount": money.plain(amount)}
        )


def _rounded(exact: Fraction) -> Decimal:
    scaled = Decimal(exact.numerator * 10**8 // exact.denominator).scaleb(-8)
    return scaled.quantize(CENT, ROUND_HALF_UP)
