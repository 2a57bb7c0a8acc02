"""An account's page: how the balance came about, where the points stand, and every entry with its why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from loyalty.console.charts import Chart, Line, chart
from loyalty.console.entrywords import Said, Words, lot_words
from loyalty.console.reserved import open_holds, undecided
from loyalty.lib import clock
from points import selectors, wording
from points.admin import AccountAdmin
from points.models import Account, AdjustmentRequest, Entry, Hold, Lot
from tenants.context import current_brand

PER_PAGE = 30
FIRST_LOTS, MOST_LOTS = 10, 60
"""How many lots stand open on the page, and how many can be unfolded."""
LOOK_BACK = 365
"""For how many days the chart shows the balance."""
MOST_ENTRIES = 5000
"""How many entries the chart looks at; an account with more within the year begins later."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with its words."""

    entry: Entry
    what: str
    said: Said
    backdated: bool


@dataclass(frozen=True, slots=True)
class LotRow:
    """A lot with its state in words and the entry that opened it."""

    lot: Lot
    state: str
    what: str


@dataclass(frozen=True, slots=True)
class AccountDesk:
    """Everything on the page."""

    view: selectors.AccountView
    account: Account
    unit: str
    charts: Sequence[Chart]
    rows: Sequence[Row]
    holds: Sequence[Hold]
    undecided: Sequence[AdjustmentRequest]
    lots: Sequence[LotRow]
    later_lots: Sequence[LotRow]
    more_lots: bool
    kinds: Sequence[tuple[str, str, str]]
    kind: str
    older: str
    newest: str
    others: Sequence[tuple[str, str]]


def desk_of(account: Account, now: datetime, *, kind: str = "", before: int | None = None) -> AccountDesk:
    """The account at `now`, with the entries of `kind` below the number `before`, newest first."""
    view = selectors.account_view(account.member_id, now, currency=account.currency)
    here = reverse("admin:points_account_change", args=[account.pk])
    found = Entry.objects.filter(account=account).select_related("account")
    if kind in Entry.Kind.values:
        found = found.filter(kind=kind)
    if before is not None:
        found = found.filter(seq__lt=before)
    entries = list(found.order_by("-seq")[: PER_PAGE + 1])
    more = len(entries) > PER_PAGE
    shown = entries[:PER_PAGE]
    older = {"before": shown[-1].seq, **({"kind": kind} if kind else {})} if more else {}
    lots = _lots(account)
    return AccountDesk(
        view=view,
        account=account,
        unit=_unit(account),
        charts=[found for found in (_balance(account, view, now), _ends(view)) if found],
        rows=_rows(shown),
        holds=open_holds(account, now),
        undecided=undecided(account),
        lots=lots[:FIRST_LOTS],
        later_lots=lots[FIRST_LOTS:MOST_LOTS],
        more_lots=len(lots) > MOST_LOTS,
        kinds=[("", _("all"), f"{here}#entries")]
        + [(str(value), str(label), f"{here}?kind={value}#entries") for value, label in Entry.Kind.choices],
        kind=kind,
        older=f"{here}?{urlencode(older)}#entries" if older else "",
        newest=f"{here}#entries" if before is not None else "",
        others=[
            (_unit(other), reverse("admin:points_account_change", args=[other.pk]))
            for other in selectors.accounts(account.member_id)
            if other.pk != account.pk
        ],
    )


def _unit(account: Account) -> str:
    return current_brand().points_label if account.currency == "points" else account.currency


def _rows(entries: Sequence[Entry]) -> list[Row]:
    words = Words(entries)
    return [
        Row(
            entry=entry,
            what=wording.what(entry),
            said=words.said(entry),
            backdated=abs(entry.recorded_at - entry.effective_at) >= timedelta(minutes=1),
        )
        for entry in entries
    ]


def _lots(account: Account) -> list[LotRow]:
    """Lots that still hold something, those that end first on top: the order in which they are spent."""
    unfinished = (
        Lot.objects.filter(account=account)
        .exclude(state=Lot.State.CLOSED)
        .select_related("entry")
        .order_by(F("expires_at").asc(nulls_last=True), "id")
    )
    return [LotRow(lot, lot_words(lot), wording.what(lot.entry)) for lot in unfinished[: MOST_LOTS + 1]]


def _balance(account: Account, view: selectors.AccountView, now: datetime) -> Chart | None:
    """The balance at the end of each day of the last year; by week where there are many days."""
    zone = current_brand().tz
    today = now.astimezone(zone).date()
    closing: dict[date, int] = {}
    opening = 0
    since = today - timedelta(days=LOOK_BACK)
    found = Entry.objects.filter(account=account).order_by("-seq")
    for recorded_at, after, points, direction in found.values_list(
        "recorded_at", "balance_after", "points", "direction"
    )[:MOST_ENTRIES]:
        day = recorded_at.astimezone(zone).date()
        if day < since:
            opening = after
            break
        closing.setdefault(day, after)
        opening = after - points * direction
    if not closing:
        return None
    levels = _levels(closing, opening, max(since, min(closing) - timedelta(days=1)), today)
    levels[today] = view.available + view.pending + view.held - view.debt
    days = list(levels)
    if len(days) > 92:
        days = days[::-7][::-1]
    return chart(
        "balance",
        _("Balance over time"),
        days,
        [Line(_unit(account), "accrued", [levels[day] for day in days])],
        note=_("available, pending and held, less debt, at the end of the day"),
        kind="line",
        wide=True,
    )


def _levels(closing: Mapping[date, int], opening: int, first: date, last: date) -> dict[date, int]:
    levels, level = {}, opening
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        level = closing.get(day, level)
        levels[day] = level
    return levels


def _ends(view: selectors.AccountView) -> Chart | None:
    """What will end, by month of the last valid day, and what never ends."""
    if not view.expiring:
        return None
    zone = current_brand().tz
    months: dict[date, int] = {}
    for at, points in view.expiring:
        month = (at - timedelta(microseconds=1)).astimezone(zone).date().replace(day=1)
        months[month] = months.get(month, 0) + points
    axis = sorted(months)[:24]
    never = view.available - sum(months.values())
    values = [months[month] for month in axis]
    names = [formats.date_format(month, "YEAR_MONTH_FORMAT") for month in axis]
    return chart(
        "ends",
        _("Points by the month in which they end"),
        axis,
        [Line(_("Points"), "burned", [*values, never] if never > 0 else values)],
        labels=[*names, _("never")] if never > 0 else names,
        wide=True,
    )


class AccountPage(AccountAdmin):
    """The account with its panels in the place of plain tables."""

    inlines = ()
    fieldsets: Any = (
        (None, {"fields": (("holder", "currency_n"), ("opened_at", "last_activity_at"), "freeze_n")}),
    )
    change_form_outer_before_template = "console/account_head.html"
    change_form_outer_after_template = "console/account_panels.html"

    def panels(self, request: HttpRequest, obj: Account) -> Mapping[str, Any]:
        """The entries that the address asks for, and what else is told of the account."""
        before, kind = request.GET.get("before", ""), request.GET.get("kind", "")
        desk = desk_of(
            obj,
            clock.now(),
            kind=kind if kind in Entry.Kind.values else "",
            before=int(before) if before.isdecimal() and len(before) < 18 else None,
        )
        return {"desk": desk}
