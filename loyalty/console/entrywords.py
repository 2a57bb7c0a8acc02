"""Why an entry's number is what it is, in words made from what the entry, its rule and its trace say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import reckoning
from campaigns.engine import explain
from loyalty.console.templatetags.console import last_valid_day, points
from loyalty.lib.display import doer
from loyalty.lib.words import language
from points.models import Entry, Lot
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class Said:
    """An entry in words: `rule` is the rule's name, `why` the reckoning or the cause, `by` who did it."""

    rule: str = ""
    why: str = ""
    by: str = ""


class Words:
    """Says why, for many entries at once, in a fixed number of queries."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.versions = reckoning.versions(entries)
        self.reversed = _by_id({e.reverses_id for e in entries if e.reverses_id})
        self.rewards = reckoning.rewards(entries)
        brand = current_brand()
        self.language = language()
        self.words = explain.Words(
            currency=brand.currency, points_name=brand.points_name, timezone=brand.tz, tiers={}
        )

    def said(self, entry: Entry) -> Said:
        """The entry in words."""
        rule = "" if entry.reverses_id else self.rule(entry)  # an undoing names the rule in its sentence
        return Said(rule=rule, why=self.why(entry), by=doer(entry.actor))

    def rule(self, entry: Entry) -> str:
        """The rule's name in the page's language; its code where it has none."""
        _rule_id, body = self._body(entry)
        code = entry.rule if entry.rule_version else ""
        return explain.rule_name(body, self.language) if body else code

    def rule_id(self, entry: Entry) -> UUID | None:
        """The rule's key, for a link."""
        return self._body(entry)[0]

    def why(self, entry: Entry) -> str:
        """What led to the number; the reason that was given stands behind it."""
        return " ".join(part for part in (self._cause(entry), entry.reason) if part)

    def _cause(self, entry: Entry) -> str:
        if entry.reverses_id:
            return self._undone(entry)
        if entry.kind == Entry.Kind.ACCRUAL:
            return self._earned(entry)
        if entry.kind == Entry.Kind.EXPIRY:
            return _("Not used by the last valid day.")
        reward = self.rewards.get(entry.reference) if entry.source == "redemption" else None
        return _("For the reward %(reward)s.") % {"reward": reward} if reward else ""

    def _earned(self, entry: Entry) -> str:
        _rule_id, body = self._body(entry)
        result = reckoning.result_of(entry, body)
        return explain.result_text(result, body, self.language, self.words) if result else ""

    def _undone(self, entry: Entry) -> str:
        origin = self.reversed.get(entry.reverses_id) if entry.reverses_id else None
        if origin is None:
            return ""
        values = {"points": points(entry.points), "all": points(origin.points), "of": origin.reference}
        if entry.kind != Entry.Kind.CLAWBACK:
            return _("Gives back %(points)s of the %(all)s points that %(of)s took.") % values
        if not origin.rule_version:
            return _("Takes back %(points)s of the %(all)s points that %(of)s gave.") % values
        values["rule"] = self.rule(entry)
        return _("Takes back %(points)s of the %(all)s points that “%(rule)s” gave for %(of)s.") % values

    def _body(self, entry: Entry) -> tuple[UUID | None, Mapping[str, object]]:
        return self.versions.get((entry.rule, entry.rule_version or 0), (None, {}))


def lot_words(lot: Lot) -> str:
    """What stands in the way of a lot, or ends it: pending, held, valid until when."""
    if lot.state == Lot.State.PENDING:
        return _("not yet available")
    if lot.state == Lot.State.CLOSED:
        return _("used up")
    if lot.inactivity_months:
        return ngettext(
            "ends after %(n)d month without activity",
            "ends after %(n)d months without activity",
            lot.inactivity_months,
        ) % {"n": lot.inactivity_months}
    if lot.expires_at is None:
        return _("never expires")
    return _("valid until %(day)s") % {"day": last_valid_day(lot.expires_at)}


def _by_id(keys: set[UUID]) -> dict[UUID, Entry]:
    return {entry.pk: entry for entry in Entry.objects.filter(pk__in=keys)} if keys else {}
