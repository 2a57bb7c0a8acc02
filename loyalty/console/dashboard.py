"""The first page of the console: how the programme goes, and what a new brand does next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.engine.explain import rule_name
from campaigns.models import AudienceGrant, ProgrammeBudget, Rule, RuleSubmission, TierSubmission, Wakeup
from campaigns.models.decided import Decided
from loyalty.analytics import selectors
from loyalty.analytics.selectors import Span
from loyalty.console.charts import Chart, Line, chart
from loyalty.console.menus import brand_of
from loyalty.lib import clock, words
from loyalty.lib.console import actor
from loyalty.lib.display import doer, rounded
from loyalty.lib.foureyes import Submitted
from mall.models import Redemption, Reward
from partners.models import ApiKey
from points.models import AdjustmentRequest
from tenants import schemas
from tenants.models import Brand

LOOK_BACK = timedelta(days=90)
"""How far the list of waiting redemptions looks back, so that it reads a stretch of the index."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure, and how it stands against the period before."""

    label: str
    value: str
    note: str
    change: str = ""
    rising: bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a new brand does on its way to the first points."""

    title: str
    text: str
    link: str
    done: bool


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page of this host shows. Called by unfold."""
    if brand_of(request) is None:
        return {**context, "title": _("Overview"), **platform_overview()}
    context["to_approve"] = _to_approve(request)
    context["rules_to_approve"] = _rules_to_approve(request)
    context["audiences_to_approve"] = _audiences_to_approve(request)
    if not request.user.has_perm("points.report_account"):
        return {**context, "title": _("Welcome"), "desk": True, "waiting": _waiting(request)}
    context["programme"] = _programme()
    days = 90 if request.GET.get("days") == "90" else 30
    weekly = request.GET.get("by", "week" if days == 90 else "day") == "week"
    return {**context, "title": _("Dashboard"), **brand_overview(days=days, weekly=weekly, now=clock.now())}


def _programme() -> ProgrammeBudget | None:
    """The programme's budget of the period where it is nearly or quite used up."""
    latest = ProgrammeBudget.objects.order_by("-starts_at").first()
    return latest if latest is not None and latest.status != ProgrammeBudget.Status.WITHIN else None


def _to_approve(request: HttpRequest) -> list[AdjustmentRequest]:
    """Adjustments that wait for a second operator, the oldest first, for those who may decide."""
    if not request.user.has_perm("points.adjust_account"):
        return []
    waiting = AdjustmentRequest.objects.filter(status=AdjustmentRequest.Status.PENDING_APPROVAL)
    found = list(waiting.select_related("member").order_by("requested_at")[:10])
    me = actor(request)
    for each in found:
        each.own = each.requested_by == me  # type: ignore[attr-defined]
        each.asked_by = doer(each.requested_by)  # type: ignore[attr-defined]
    return found


def _rules_to_approve(request: HttpRequest) -> list[Submitted]:
    """Rules and tiers that wait for a second operator, the oldest first, for those who may decide."""
    if not request.user.has_perm("campaigns.approve_rule"):
        return []
    rules = RuleSubmission.objects.select_related("rule").order_by("submitted_at")
    found: list[Submitted] = [
        *TierSubmission.objects.filter(status=Submitted.Status.PENDING_APPROVAL),
        *rules.filter(status=Submitted.Status.PENDING_APPROVAL)[:10],
    ]
    me = actor(request)
    for each in found:
        each.own = each.submitted_by == me  # type: ignore[attr-defined]
        each.asked_by = doer(each.submitted_by)  # type: ignore[attr-defined]
        each.page = f"admin:campaigns_{each._meta.model_name}_change"  # type: ignore[attr-defined]
        each.of_tiers = isinstance(each, TierSubmission)  # type: ignore[attr-defined]
        each.called = "" if each.of_tiers else rule_name(each.body, words.language())  # type: ignore[attr-defined]
    return found


def _audiences_to_approve(request: HttpRequest) -> list[dict[str, Any]]:
    """Wake-ups and grants that wait for a second operator, the oldest first, for those who may decide."""
    names = ("pk", "code", "name", "submitted_at", "submitted_by", "note", "segment__code", "segment__name")
    waiting = [
        model._default_manager.filter(status=Decided.Status.SUBMITTED).values(
            *names, kind=Value(model._meta.model_name)
        )
        for model in (Wakeup, AudienceGrant)
        if request.user.has_perm(f"campaigns.approve_{model._meta.model_name}")
    ]
    if not waiting:
        return []
    me, kinds = actor(request), {"wakeup": Wakeup, "audiencegrant": AudienceGrant}
    return [
        {
            **row,
            "called": words.pick(row["name"]) or row["code"],
            "segment": words.pick(row["segment__name"]) or row["segment__code"],
            "own": row["submitted_by"] == me,
            "asked_by": doer(row["submitted_by"]),
            "page": f"admin:campaigns_{row['kind']}_change",
            "kind": kinds[row["kind"]]._meta.verbose_name,
        }
        for row in waiting[0].union(*waiting[1:], all=True).order_by("submitted_at")[:10]
    ]


def _waiting(request: HttpRequest) -> list[Redemption] | None:
    """Redemptions that wait for somebody, the oldest first; None for those who may not look at them."""
    if not request.user.has_perm("mall.view_redemption"):
        return None
    waiting = Redemption.objects.filter(
        status__in=[Redemption.Status.PLACED, Redemption.Status.PAID],
        placed_at__gte=clock.now() - LOOK_BACK,
    )
    return list(waiting.select_related("member", "reward").order_by("placed_at", "id")[:20])


def platform_overview() -> dict[str, Any]:
    """All brands, newest first, and which of them wait for migrations."""
    wanted = schemas.fingerprint()
    brands = list(Brand.objects.prefetch_related("domains").order_by("-created_at")[:200])
    return {"brands": [(brand, brand.schema_state != wanted) for brand in brands]}


def brand_overview(*, days: int, weekly: bool, now: datetime) -> dict[str, Any]:
    """Key figures, charts and next steps of the current brand for the last `days` days."""
    span = Span.of(days=days, now=now)
    both = Span(span.last, span.days * 2, span.zone)
    flows = selectors.flows(both)
    orders = selectors.orders(both)
    redeemed = selectors.redemptions(both)
    owed = selectors.liability()
    return {
        "days": days,
        "weekly": weekly,
        "span": span,
        "steps": next_steps(),
        "is_new": not any(flows["accrued"].values()) and not orders and not owed.points,
        "figures": _figures(span, flows, orders, redeemed, owed),
        "charts": _charts(span, flows, orders, redeemed, owed, weekly),
    }


def next_steps() -> list[Step]:
    """The way to the first points; empty when all of it is done."""
    steps = [
        Step(
            _("Publish an earning rule"),
            _("For example one point for each full yuan. Without a rule, orders give no points."),
            reverse("admin:campaigns_rule_changelist"),
            Rule.objects.filter(status=Rule.Status.PUBLISHED).exists(),
        ),
        Step(
            _("Create an API key"),
            _("With it your shop sends orders, and partners read balances."),
            reverse("admin:partners_apikey_add"),
            ApiKey.objects.filter(revoked_at__isnull=True).exists(),
        ),
        Step(
            _("Add a reward"),
            _("Something that members can have for their points. Publish it when it is ready."),
            reverse("admin:mall_reward_changelist"),
            Reward.objects.filter(status=Reward.Status.PUBLISHED).exists(),
        ),
    ]
    return [] if all(step.done for step in steps) else steps


def _sum(series: Mapping[date, Any], span: Span) -> Any:
    return sum((series[day] for day in span.dates if day in series), 0)


def _figures(
    span: Span,
    flows: Mapping[str, selectors.Series],
    orders: Mapping[date, tuple[int, Decimal]],
    redeemed: selectors.Series,
    owed: selectors.Liability,
) -> list[Figure]:
    before = span.before
    counts = {day: count for day, (count, _amount) in orders.items()}
    amounts = {day: amount for day, (_count, amount) in orders.items()}
    figures = [
        _figure(_("Points accrued"), _sum(flows["accrued"], span), _sum(flows["accrued"], before)),
        _figure(_("Points redeemed"), _sum(flows["burned"], span), _sum(flows["burned"], before)),
        _figure(
            _("Points expired"), _sum(flows["expired"], span), _sum(flows["expired"], before), judged=False
        ),
        _figure(_("Active members"), selectors.active_total(span), selectors.active_total(before)),
        _figure(_("Orders"), _sum(counts, span), _sum(counts, before)),
        _figure(_("Redemptions"), _sum(redeemed, span), _sum(redeemed, before)),
        _figure(_("Sales"), _sum(amounts, span), _sum(amounts, before), unit=owed.currency, places=0),
    ]
    liability = Figure(
        _("Outstanding liability"),
        f"{_number(owed.amount, 0)} {owed.currency}",
        _("%(points)s points at %(cost)s %(currency)s")
        % {"points": _number(owed.points), "cost": owed.unit_cost, "currency": owed.currency},
    )
    return [*figures, liability]


def _figure(
    label: str, now: Any, before: Any, *, unit: str = "", places: int = 0, judged: bool = True
) -> Figure:
    value = f"{_number(now, places)} {unit}".strip()
    note = _("before: %(value)s") % {"value": _number(before, places)}
    if not before:
        return Figure(label, value, note)
    change = (Decimal(now) - Decimal(before)) / Decimal(before) * 100
    text = rounded(abs(change), 0 if abs(change) >= 10 else 1)
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return Figure(label, value, note, f"{sign}{text} %", change > 0 if judged and change else None)


def _number(value: Any, places: int = 0) -> str:
    return rounded(value, places)


def _charts(
    span: Span,
    flows: Mapping[str, selectors.Series],
    orders: Mapping[date, tuple[int, Decimal]],
    redeemed: selectors.Series,
    owed: selectors.Liability,
    weekly: bool,
) -> list[Chart]:
    days = span.dates
    axis = list(selectors.by_week({}, days)) if weekly else days

    def values(series: Mapping[date, int], sign: int = 1, merge: Any = sum) -> list[int]:
        merged = selectors.by_week(series, days, merge) if weekly else series
        return [sign * merged.get(day, 0) for day in axis]

    level = selectors.outstanding(owed.points, flows["net"], span)
    counts = {day: count for day, (count, _amount) in orders.items()}
    active = selectors.active_members(span, weekly=weekly)
    return [
        chart(
            "flows",
            _("Points in and out"),
            axis,
            [
                Line(_("Accrued"), "accrued", values(flows["accrued"])),
                Line(_("Redeemed"), "burned", values(flows["burned"], -1)),
                Line(_("Expired"), "expired", values(flows["expired"], -1)),
                Line(_("Taken back by returns"), "taken_back", values(flows["taken_back"], -1)),
            ],
            stacked=True,
            wide=True,
        ),
        chart(
            "members",
            _("Active members"),
            axis,
            [
                Line(
                    _("Members"), "members", [active.get(day, 0) for day in axis[:-1]] + _so_far(active, axis)
                )
            ],
            note=_("who earned or redeemed in the week")
            if weekly
            else _("who earned or redeemed on the day"),
            kind="line",
        ),
        chart(
            "liability",
            _("Outstanding liability"),
            axis,
            [
                Line(
                    owed.currency,
                    "liability",
                    [float(n * owed.unit_cost) for n in values(level, merge=_last)],
                )
            ],
            note=_("at the end of the day, in %(currency)s") % {"currency": owed.currency},
            kind="line",
        ),
        chart("orders", _("Orders"), axis, [Line(_("Orders"), "orders", values(counts))]),
        chart(
            "redemptions",
            _("Redemptions"),
            axis,
            [Line(_("Redemptions"), "redemptions", values(redeemed))],
            note=_("without cancelled ones"),
        ),
    ]


def _so_far(series: Mapping[date, int], axis: Sequence[date]) -> list[int]:
    """The last day's number; nothing while the day is still empty, so that the line does not fall to zero."""
    return [series[axis[-1]]] if axis[-1] in series else []


def _last(values: Sequence[int]) -> int:
    return values[-1]
