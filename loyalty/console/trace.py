"""An entry's trace, both ways: what it took from which earning, and what later took from what it gave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from campaigns.models import Rule
from loyalty.console.entrywords import Said, Words, lot_words
from loyalty.lib.display import doer, plain
from mall.models import Redemption
from members.models import Purchase, PurchaseReturn
from points import selectors, wording
from points.models import Consumption, Entry, Hold, Lot

MOST = 100
"""How many rows a list of the trace shows; an entry that touched more lots is cut off, and says so."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Another entry on the way, and how many points went between it and this one."""

    entry: Entry
    what: str
    points: int
    lot: Lot | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A business fact behind the entry, with its page in this console (None where it has none)."""

    label: str
    text: str
    obj: Any = None


@dataclass(frozen=True, slots=True)
class Trace:
    """All that a person needs to follow one entry."""

    what: str
    said: Said
    facts: Sequence[Fact]
    opened: Sequence[tuple[Lot, str]]
    took: Sequence[Linked]
    used_by: Sequence[Linked]
    undone_by: Sequence[Linked]
    undoes: Linked | None
    siblings: Sequence[Linked]
    left: int
    owed: int
    cut: bool


def trace_of(entry: Entry) -> Trace:
    """The trace of one entry. A fixed number of queries, each by an index."""
    words = Words([entry])
    opened = list(Lot.objects.filter(entry=entry).order_by("id")[:MOST])
    took = _took(entry)
    undone_by = list(Entry.objects.filter(reverses_id=entry.pk).order_by("recorded_at", "seq")[:MOST])
    origin = words.reversed.get(entry.reverses_id) if entry.reverses_id else None
    taken = sum(link.points for link in took)
    return Trace(
        what=wording.what(entry),
        said=words.said(entry),
        facts=_facts(entry, words),
        opened=[(lot, lot_words(lot)) for lot in opened],
        took=took,
        used_by=used_by(opened),
        undone_by=[Linked(each, wording.what(each), each.signed_points) for each in undone_by],
        undoes=Linked(origin, wording.what(origin), origin.signed_points) if origin else None,
        siblings=_siblings(entry),
        left=entry.points - sum(each.points for each in undone_by),
        owed=max(0, entry.points - taken) if entry.kind == Entry.Kind.CLAWBACK else 0,
        cut=max(len(opened), len(took), len(undone_by)) == MOST,
    )


def used_by(lots: Sequence[Lot]) -> list[Linked]:
    """Everything that took from these lots, or gave back to them, the oldest first."""
    if not lots:
        return []
    by_id = {lot.pk: lot for lot in lots}
    rows = Consumption.objects.filter(lot_id__in=by_id).select_related("entry").order_by("id")[:MOST]
    return [Linked(row.entry, wording.what(row.entry), -row.points, by_id[row.lot_id]) for row in rows]


def _took(entry: Entry) -> list[Linked]:
    rows = Consumption.objects.filter(entry=entry).select_related("lot__entry").order_by("id")[:MOST]
    return [Linked(row.lot.entry, wording.what(row.lot.entry), row.points, row.lot) for row in rows]


def _siblings(entry: Entry) -> list[Linked]:
    """The other entries of the same business fact: those of its journal, and of its reference."""
    same = Entry.objects.filter(reference=entry.reference, journal_id=entry.journal_id).exclude(pk=entry.pk)
    found = same.select_related("account__member").order_by("recorded_at", "seq")[:MOST]
    return [Linked(each, wording.what(each), each.signed_points) for each in found]


def _facts(entry: Entry, words: Words) -> list[Fact]:
    facts = [_rule(entry, words), _order(entry), _redemption(entry), _hold(entry)]
    if entry.kind == Entry.Kind.TRANSFER:
        facts.append(_other_side(entry))
    return [fact for fact in facts if fact is not None]


def _rule(entry: Entry, words: Words) -> Fact | None:
    if not entry.rule_version:
        return None
    rule_id = words.rule_id(entry)
    name = _("%(rule)s, version %(version)d") % {"rule": words.rule(entry), "version": entry.rule_version}
    return Fact(_("Rule"), name, Rule(pk=rule_id) if rule_id else None)


def _order(entry: Entry) -> Fact | None:
    numbers = {
        entry.reference,
        entry.reference.partition("#")[0],
    }  # revisions and recounts have a number more
    if entry.source.startswith("return"):
        back = PurchaseReturn.objects.filter(return_id__in=numbers).select_related("purchase").first()
        return Fact(_("Order"), back.purchase.order_id, back.purchase) if back else None
    if not entry.source.startswith("order"):
        return None
    order = Purchase.objects.filter(order_id__in=numbers).first()
    return Fact(_("Order"), order.order_id, order) if order else None


def _redemption(entry: Entry) -> Fact | None:
    if entry.source != "redemption":
        return None
    found = Redemption.objects.filter(reference=entry.reference).select_related("reward").first()
    return Fact(_("Redemption"), f"{found.reward} · {found.reference}", found) if found else None


def _hold(entry: Entry) -> Fact | None:
    if entry.kind != Entry.Kind.CAPTURE:
        return None
    found = Hold.objects.filter(source=entry.source, reference=entry.reference).first()
    if found is None:
        return None
    values = {"held": plain(found.points), "taken": plain(found.captured), "by": doer(found.actor) or "–"}
    return Fact(
        _("Reserved before"), _("%(taken)s of %(held)s reserved points were spent, by %(by)s") % values
    )


def _other_side(entry: Entry) -> Fact | None:
    other = (
        selectors.entries_by_reference(entry.reference, source=entry.source)
        .filter(journal_id=entry.journal_id, kind=Entry.Kind.TRANSFER)
        .exclude(account_id=entry.account_id)
        .select_related("account__member")
        .first()
    )
    if other is None:
        return None
    label = _("given to") if entry.direction < 0 else _("received from")
    return Fact(label, str(other.account.member), other.account.member)
