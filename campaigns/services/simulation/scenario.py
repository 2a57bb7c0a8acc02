"""What is to be simulated: drafts, a period, and which orders are counted; read strictly from a body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns import schema, selectors
from campaigns.models import Rule
from campaigns.schema import CheckContext
from campaigns.services.orders.reading import Reader
from loyalty.lib import instants
from loyalty.lib.errors import FieldError

FIELDS: Final = frozenset({"rules", "retire", "from", "to", "filters"})
FILTERS: Final = frozenset({"stores", "channels", "tiers"})
REFERENCE: Final = frozenset({"code", "version"})
MOST_RULES: Final = 20
MOST_ORDERS: Final = 1_000_000
MOST_NAMES: Final = 200
USUAL: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Drafts to put into today's set, in the place of rules of the same code; codes to leave out; a period
    of purchase, `start` included and `end` not; and whose orders are counted (empty: everybody's)."""

    drafts: tuple[Mapping[str, Any], ...]
    retire: tuple[str, ...]
    start: datetime
    end: datetime
    stores: frozenset[str] = field(default_factory=frozenset)
    channels: frozenset[str] = field(default_factory=frozenset)
    tiers: frozenset[str] = field(default_factory=frozenset)

    def counts(self, store: str, channel: str, tier: str) -> bool:
        """Whether an order is counted. One that is not still uses up caps and stands in its member's past."""
        return (
            (not self.stores or store in self.stores)
            and (not self.channels or channel in self.channels)
            and (not self.tiers or tier in self.tiers)
        )

    def params(self) -> dict[str, Any]:
        """As JSON, to be kept with the job."""
        return {
            "drafts": [dict(draft) for draft in self.drafts],
            "retire": list(self.retire),
            "from": instants.text(self.start),
            "to": instants.text(self.end),
            "filters": self.filters(),
        }

    def filters(self) -> dict[str, list[str]]:
        """The filters as JSON."""
        return {
            "stores": sorted(self.stores),
            "channels": sorted(self.channels),
            "tiers": sorted(self.tiers),
        }

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Scenario:
        """The scenario that a job keeps."""
        filters = params["filters"]
        return cls(
            drafts=tuple(params["drafts"]),
            retire=tuple(params["retire"]),
            start=datetime.fromisoformat(params["from"]),
            end=datetime.fromisoformat(params["to"]),
            stores=frozenset(filters["stores"]),
            channels=frozenset(filters["channels"]),
            tiers=frozenset(filters["tiers"]),
        )


def parse(data: Any, *, now: datetime) -> Scenario:
    """The scenario in `data`, the parsed JSON of a body.

    A rule is given whole, or named by its `code` (its draft, else what runs) and maybe a `version`. Without
    `to` the period ends now, without `from` it begins 30 days before its end. Raises Invalid with a pointer
    for every field that is wrong.
    """
    body = Reader(data, "", FIELDS)
    end = body.instant("to") or now
    start = body.instant("from") or end - USUAL
    if start >= end and not body.errors:
        body.fail("to", "before_from", _("Must be after the beginning of the period."))
    filters: dict[str, frozenset[str]] = {}
    if body.data.get("filters") is not None:
        reader = body.nested(body.data["filters"], "filters", FILTERS)
        if reader is not None:
            filters = {name: reader.texts(name, MOST_NAMES, 64) for name in sorted(FILTERS)}
    drafts = _drafts(body, selectors.check_context(now))
    retire = _retired(body, {draft["code"] for draft in drafts})
    body.raise_errors()
    return Scenario(tuple(drafts), retire, start, end, **filters)


def _drafts(body: Reader, context: CheckContext) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    for index, item in enumerate(body.items("rules", 0, MOST_RULES)):
        name = f"rules/{index}"
        given = _named(item, body, name) if _is_reference(item) else item
        if given is None and item is not None:
            continue
        checked = schema.check(given, context)
        body.errors += [
            FieldError(f"/{name}{error.pointer}", error.code, error.detail) for error in checked.errors
        ]
        if checked.errors:
            continue
        if checked.body["code"] in seen:
            body.fail(f"{name}/code", "duplicate", _("Another rule of the list has this code already."))
        seen.add(checked.body["code"])
        found.append(checked.body)
    return found


def _is_reference(item: Any) -> bool:
    return isinstance(item, dict) and "code" in item and REFERENCE.issuperset(item)


def _named(item: Mapping[str, Any], body: Reader, name: str) -> dict[str, Any] | None:
    """The body of the rule that is named; None, with the reason noted, if there is none."""
    rule = Rule.objects.filter(code=item["code"]).first() if isinstance(item["code"], str) else None
    if rule is None:
        body.fail(f"{name}/code", "not_found", _("There is no earning rule of this code."))
        return None
    version = item.get("version")
    if version is None:
        return selectors.working_body(rule)
    known = isinstance(version, int) and not isinstance(version, bool)
    kept = rule.versions.filter(version=version).values_list("body", flat=True).first() if known else None
    if kept is None:
        body.fail(f"{name}/version", "not_found", _("The rule has no such version."))
        return None
    return dict(kept)


def _retired(body: Reader, drafted: set[str]) -> tuple[str, ...]:
    codes = sorted(body.texts("retire", MOST_RULES, 64))
    known = set(
        Rule.objects.filter(code__in=codes, status=Rule.Status.PUBLISHED).values_list("code", flat=True)
    )
    for number, given in enumerate(body.data["retire"] if codes else ()):
        code = given.strip() if isinstance(given, str) else ""
        place = f"retire/{number}"
        if code in drafted:
            body.fail(place, "duplicate", _("“%(code)s” is among the rules as well.") % {"code": code})
        elif code in codes and code not in known:
            body.fail(place, "not_found", _("“%(code)s” is not a published rule.") % {"code": code})
    return tuple(codes)
