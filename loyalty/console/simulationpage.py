"""The outcome of a simulation as an operator reads it: figures, charts, tables, rows of a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import selectors
from campaigns.engine import explain
from loyalty.console.charts import Chart, Line, chart
from loyalty.lib.words import language
from loyalty.outbox.models import Job
from members.models import Member
from members.wording import channel_words
from tenants.context import current_brand

BARS: Final = 10
ROWS: Final = 12
REST: Final = "*"
SIDES: Final = ("today", "draft", "difference")
DIMENSIONS: Final[Mapping[str, Promise]] = {
    "tier": gettext_lazy("By tier"),
    "category": gettext_lazy("By category"),
    "store": gettext_lazy("By store"),
    "channel": gettext_lazy("By channel"),
    "cost_centre": gettext_lazy("By cost centre"),
}
REASONS: Final[Mapping[str, Promise]] = {
    "condition": gettext_lazy("conditions not met"),
    "schedule": gettext_lazy("outside its times"),
    "cap": gettext_lazy("cap used up"),
    "stacking": gettext_lazy("another rule of its group gives more"),
    "audience": gettext_lazy("not in its audience"),
    "compliance": gettext_lazy("articles that law keeps out"),
    "rounding": gettext_lazy("less than one point"),
}
CHANGES: Final[Mapping[str, Promise]] = {
    "new": gettext_lazy("new"),
    "replaced": gettext_lazy("replaced by the draft"),
    "retired": gettext_lazy("left out"),
}


def what(job: Job) -> str:
    """The rules that a simulation is about, by name."""
    drafts = [explain.rule_name(draft, language()) for draft in job.params["drafts"]]
    left_out = [_("without “%(rule)s”") % {"rule": code} for code in job.params["retire"]]
    return ", ".join([*drafts, *left_out]) or _("today's rules")


def period(job: Job) -> str:
    """The days that a simulation is about."""
    zone = current_brand().tz
    first = datetime.fromisoformat(job.params["from"]).astimezone(zone)
    last = datetime.fromisoformat(job.params["to"]).astimezone(zone) - timedelta(microseconds=1)
    return " – ".join(formats.date_format(day, "DATE_FORMAT") for day in (first, last))


def context(job: Job, result: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of an outcome shows."""
    return {
        "what": what(job),
        "period": period(job),
        "result": result,
        "filters": _filters(result["filters"]),
        "figures": _figures(result),
        "charts": _charts(result),
        "rules": [_rule_row(row, result) for row in result["by_rule"]],
        "tables": [
            {"title": title, "rows": _named(result[f"by_{name}"], name)[:ROWS]}
            for name, title in DIMENSIONS.items()
            if _worth_showing(result[f"by_{name}"])
        ],
        "spread": _spread(result["distribution"]),
        "tops": _tops(result["top_members"]),
        "refusals": _refusals(result["refusals"]),
        "warnings": result["warnings"],
    }


def flat(result: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """The outcome as rows of one table."""
    yield [
        _("Part"), _("Key"),
        _("Points today"), _("Points with the draft"), _("Difference in points"),
        _("Cost today"), _("Cost with the draft"), _("Difference in cost"),
    ]  # fmt: skip
    yield _row(_("All"), "", result["totals"])
    yield [
        _("Liability"), "",
        *(result["totals"][side]["liability"]["points"] for side in SIDES),
        *(Decimal(result["totals"][side]["liability"]["amount"]) for side in SIDES),
    ]  # fmt: skip
    for row in result["by_rule"]:
        yield _row(_("By rule"), row["rule"], row)
    for name, title in {**DIMENSIONS, "day": _("By day")}.items():
        for row in _named(result[f"by_{name}"], name):
            yield _row(str(title), row["name"], row)
    for row in result["top_members"]["points"]:
        yield [_("Top members"), row["member_id"], row["today"], row["draft"], row["difference"]]


def _row(part: str, key: str, compared: Mapping[str, Any]) -> list[Any]:
    return [
        part,
        key,
        *(compared[side]["points"] for side in SIDES),
        *(Decimal(compared[side]["cost"]) for side in SIDES),
    ]


def _figures(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    totals = result["totals"]

    def sides(*names: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for side in SIDES:
            value = totals[side]
            for name in names:
                value = value[name]
            found[side] = value
        return found

    return [
        {"label": _("Points given"), **sides("points")},
        {"label": _("Cost"), "money": result["currency"], **sides("cost")},
        {
            "label": _("Liability at the end"),
            "money": result["currency"],
            **sides("liability", "amount"),
        },
    ]


def _charts(result: Mapping[str, Any]) -> list[Chart]:
    days = [date.fromisoformat(row["day"]) for row in result["by_day"]]
    found = [
        chart("simulation-day", _("Points a day"), days, _lines(result["by_day"]), kind="line", wide=True)
    ]
    shown = [name for name in ("tier", "category", "store") if _worth_showing(result[f"by_{name}"])]
    for number, name in enumerate(shown, 1):
        rows = _named(result[f"by_{name}"], name)[:BARS]
        labels, title = [row["name"] for row in rows], str(DIMENSIONS[name])
        alone = number == len(shown) and number % 2 == 1  # two stand side by side
        found.append(chart(f"simulation-{name}", title, (), _lines(rows), labels=labels, wide=alone))
    return found


def _lines(rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    return [
        Line(label, side, [row[side]["points"] for row in rows])
        for label, side in ((_("today"), "today"), (_("with the draft"), "draft"))
    ]


def _worth_showing(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows tell more than their sum: not where all is under one key, or under none."""
    return len(rows) > 1


def _named(rows: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    names = selectors.tier_names() if name == "tier" else {}
    return [{**row, "name": _name(row[name], name, names)} for row in rows]


def _name(key: str, dimension: str, tiers: Mapping[str, Mapping[str, str]]) -> str:
    if key == REST:
        return _("all others")
    if not key:
        return _("none given")
    if dimension == "tier" and key in tiers:
        return str(tiers[key].get(language()) or next(iter(tiers[key].values()), key))
    return channel_words(key) if dimension == "channel" else key


def _rule_row(row: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    change = next((each["change"] for each in result["changes"] if each["rule"] == row["rule"]), None)
    work = row["today"] if change == "retired" else row["draft"]
    refused = sorted(work["refused"].items(), key=lambda each: -each[1])
    return {
        **row,
        "title": explain.rule_name({"name": row["name"], "code": row["rule"]}, language()),
        "change": CHANGES.get(change or ""),
        "matched": work["matched"],
        "cut": work["cut_by_caps"],
        "refusal": REASONS.get(refused[0][0], refused[0][0]) if refused else "",
    }


def _spread(distribution: Mapping[str, Any]) -> list[tuple[str, Any, Any, Any]]:
    today, draft = distribution["today"], distribution["draft"]
    names = (
        ("p50", _("Half of the members have at most")),
        ("p90", _("Nine of ten have at most")),
        ("p99", _("99 of 100 have at most")),
        ("max", _("The most")),
    )
    return [(label, today[name], draft[name], draft[name] - today[name]) for name, label in names]


def _tops(top: Mapping[str, Any]) -> list[dict[str, Any]]:
    lists = (
        (_("Who has the most"), top["points"]),
        (_("Who gains the most"), top["gain"]),
        (_("Who loses the most"), top["lose"]),
    )
    wanted = {UUID(row["member_id"]) for _title, rows in lists for row in rows[:BARS]}
    members = {str(member.pk): member for member in Member.objects.filter(pk__in=wanted)}
    return [
        {"title": title, "rows": [_person(row, members.get(row["member_id"])) for row in rows[:BARS]]}
        for title, rows in lists
        if rows
    ]


def _person(row: Mapping[str, Any], member: Member | None) -> dict[str, Any]:
    """A member by name, else by the end of the id, which is the part that differs."""
    name = (member.name if member else "") or f"…{row['member_id'][-12:]}"
    return {**row, "member": member, "name": name}


def _refusals(refusals: Mapping[str, Mapping[str, int]]) -> list[tuple[str, int, int]]:
    today, draft = refusals["today"], refusals["draft"]
    return [
        (str(words), today.get(reason, 0), draft.get(reason, 0))
        for reason, words in REASONS.items()
        if today.get(reason) or draft.get(reason)
    ]


def _filters(filters: Mapping[str, Sequence[str]]) -> str:
    names = selectors.tier_names()
    words = [
        *filters["stores"],
        *(channel_words(name) for name in filters["channels"]),
        *(_name(code, "tier", names) for code in filters["tiers"]),
    ]
    return ", ".join(words)
