"""The shapes of wake-ups and their reports in the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Any, Final

from rest_framework import serializers

from campaigns.api.decisions import LIFE, LifeAnswer, life_json
from campaigns.api.segments import plain_code
from campaigns.models import Channel, Wakeup
from campaigns.services.wakeups.report import Figures, Group, Incremental, Report
from campaigns.services.wakeups.times import WEEKDAYS
from loyalty.lib import fields, instants, money
from loyalty.lib.api import StrictSerializer

EXAMPLE: Final[dict[str, Any]] = {
    "code": "come-back",
    "name": {"zh-hans": "回来有礼", "en": "Come back"},
    "segment": "sleeping",
    "channel": "sms",
    "variants": [
        {"code": "a", "template": "come-back-short", "share": 50},
        {"code": "b", "template": "come-back-long", "share": 50},
    ],
    "schedule": {"every": "once", "at": "2026-11-27T10:00:00+08:00"},
    "holdout_percent": 10,
    "return_days": 7,
    "task": {"points": 100, "days": 7, "min_spend": "50.00", "budget": 100000},
}
WEEKLY: Final[dict[str, Any]] = {
    **{name: EXAMPLE[name] for name in ("code", "name", "segment", "channel")},
    "variants": [{"code": "a", "template": "come-back-short", "share": 100}],
    "schedule": {"every": "weekly", "weekdays": ["FR"], "time": "10:00", "until": None},
    "repeat_days": 60,
}
ANSWER: Final[dict[str, Any]] = {
    **EXAMPLE,
    "schedule": {
        "every": "once",
        "at": "2026-11-27T02:00:00Z",
        "time": None,
        "weekdays": [],
        "until": None,
        "next_run_at": None,
    },
    "repeat_days": None,
    "task": {**EXAMPLE["task"], "spent": 0},
    **LIFE,
}
_GROUP: Final[dict[str, Any]] = {
    "members": 11559,
    "returned": 925,
    "rate": "0.0800",
    "orders": 1012,
    "amount": "98120.50",
}
_FIGURES: Final[dict[str, Any]] = {
    "audience": 12840,
    "held_out": 1281,
    "messages": {"queued": 0, "sent": 10220, "delivered": 9981, "clicked": 640},
    "suppressed": {"no_consent": 1201, "cap": 96},
    "failed": {"number_invalid": 42},
    "returned": {
        "not_held_out": _GROUP,
        "held_out": {
            "members": 1281, "returned": 64, "rate": "0.0500", "orders": 70, "amount": "6710.00"
        },
    },
    "points_paid": 92500,
    "points_taken_back": 300,
}  # fmt: skip
REPORT: Final[dict[str, Any]] = {
    **_FIGURES,
    "incremental": {
        "verdict": "more",
        "difference": "0.0300",
        "least": "0.0167",
        "most": "0.0428",
        "members": 347,
    },
    "complete_at": "2026-12-04T02:01:10Z",
    "variants": {"a": _FIGURES, "b": _FIGURES},
    "runs": [
        {"run": 1, "status": "done", "slot": "2026-11-27T02:00:00Z",
         "finished_at": "2026-11-27T02:01:10Z", **_FIGURES},
    ],
}  # fmt: skip


class VariantBody(StrictSerializer):
    """A message template and its share of those who are not held out, in percent."""

    code = fields.Text(max_length=8)
    template = fields.Text(max_length=64)
    share = fields.Whole(min_value=1, max_value=100)

    def validate_code(self, value: str) -> str:
        """As short and plain as other codes."""
        return plain_code(value)


class TimeOfDay(serializers.RegexField):
    """A time of the brand's clock, HH:MM."""

    def __init__(self, **kwargs: Any) -> None:
        # Not \d: it takes the digits of every script.
        super().__init__(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", **kwargs)


class ScheduleBody(StrictSerializer):
    """Once (at an instant, or when it is decided), or every day or week at a time of the brand's clock."""

    every = fields.Choice(choices=list(Wakeup.Every.values))
    at = fields.Instant(required=False, allow_null=True)
    time = TimeOfDay(required=False, allow_null=True)
    weekdays = serializers.ListField(child=fields.Choice(choices=list(WEEKDAYS)), required=False)
    until = fields.Instant(required=False, allow_null=True)


class TaskBody(StrictSerializer):
    """Points for whoever orders within so many days, for `min_spend` (the brand's currency; left out: for
    anything), as far as the budget goes. Taken back when too little is left of the order."""

    points = fields.Points(max_value=1_000_000)
    days = fields.Whole(min_value=1, max_value=365)
    min_spend = fields.Amount(required=False, min_value=0)
    budget = fields.Points()


class WakeupChanges(StrictSerializer):
    """What a draft says; the code stays."""

    name = fields.LocalText(required=False)
    segment = fields.Text(max_length=64, required=False)
    channel = fields.Choice(choices=list(Channel.values), required=False)
    variants = VariantBody(many=True, required=False)
    schedule = ScheduleBody(required=False)
    holdout_percent = fields.Whole(min_value=0, max_value=90, required=False)
    repeat_days = fields.Whole(min_value=1, max_value=3650, required=False, allow_null=True)
    return_days = fields.Whole(min_value=1, max_value=365, required=False)
    task = TaskBody(required=False, allow_null=True)


class WakeupBody(WakeupChanges):
    """A wake-up; `repeat_days` empty: each member gets it once for ever."""

    code = fields.Text(max_length=64)
    name = fields.LocalText()
    segment = fields.Text(max_length=64)
    channel = fields.Choice(choices=list(Channel.values))
    variants = VariantBody(many=True)
    schedule = ScheduleBody()

    def validate_code(self, value: str) -> str:
        """Lower case, so that it can stand in a path."""
        return plain_code(value)


class ScheduleAnswer(ScheduleBody):
    """The schedule, and when it goes out next."""

    next_run_at = serializers.DateTimeField(allow_null=True)


class TaskAnswer(TaskBody):
    """The task, and what was used of its budget."""

    spent = serializers.IntegerField()


class WakeupAnswer(LifeAnswer):
    """A wake-up."""

    code = serializers.CharField()
    name = fields.LocalText()
    segment = serializers.CharField()
    channel = serializers.CharField()
    variants = VariantBody(many=True)
    schedule = ScheduleAnswer()
    holdout_percent = serializers.IntegerField()
    repeat_days = serializers.IntegerField(allow_null=True)
    return_days = serializers.IntegerField()
    task = TaskAnswer(allow_null=True)


class GroupAnswer(serializers.Serializer[Any]):
    """Members to compare."""

    members = serializers.IntegerField()
    returned = serializers.IntegerField()
    rate = serializers.CharField(allow_null=True)
    orders = serializers.IntegerField()
    amount = serializers.CharField()


class ReturnedAnswer(serializers.Serializer[Any]):
    """Who came back of those who were meant, and of those who were held out."""

    not_held_out = GroupAnswer()
    held_out = GroupAnswer()


class MessagesAnswer(serializers.Serializer[Any]):
    """How far the messages came. `sent` has the delivered ones too."""

    queued = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    clicked = serializers.IntegerField()


class FiguresAnswer(serializers.Serializer[Any]):
    """The figures of a run, a variant, or all."""

    audience = serializers.IntegerField()
    held_out = serializers.IntegerField()
    messages = MessagesAnswer()
    suppressed = serializers.DictField(child=serializers.IntegerField())
    failed = serializers.DictField(child=serializers.IntegerField())
    returned = ReturnedAnswer()
    points_paid = serializers.IntegerField()
    points_taken_back = serializers.IntegerField()


class RunAnswer(FiguresAnswer):
    """The figures of one run."""

    run = serializers.IntegerField()
    status = serializers.CharField()
    slot = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class IncrementalAnswer(serializers.Serializer[Any]):
    """The difference that the wake-up made, as shares of members, and in members."""

    verdict = serializers.ChoiceField(
        choices=["more", "fewer", "no_difference_shown", "too_small", "no_holdout", "too_early"]
    )
    difference = serializers.CharField(allow_null=True)
    least = serializers.CharField(allow_null=True)
    most = serializers.CharField(allow_null=True)
    members = serializers.IntegerField(allow_null=True)


class ReportAnswer(FiguresAnswer):
    """The report of a wake-up."""

    incremental = IncrementalAnswer()
    complete_at = serializers.DateTimeField(allow_null=True)
    variants = serializers.DictField(child=FiguresAnswer())
    runs = RunAnswer(many=True)


def values_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the model that a body gives."""
    names = ("name", "segment", "channel", "holdout_percent", "repeat_days", "return_days")
    values = {name: body[name] for name in names if name in body}
    if "variants" in body:
        values["variants"] = [dict(each) for each in body["variants"]]
    if "schedule" in body:
        schedule = body["schedule"]
        at = schedule.get("time")
        values |= {
            "every": schedule["every"],
            "at": schedule.get("at"),
            "time_of_day": time.fromisoformat(at) if at else None,
            "weekdays": list(schedule.get("weekdays", [])),
            "ends_at": schedule.get("until"),
        }
    if "task" in body:
        task = {"min_spend": Decimal(0), **(body["task"] or {"points": 0, "days": 0, "budget": 0})}
        values |= {f"task_{name}": task[name] for name in ("points", "days", "min_spend", "budget")}
    return values


def wakeup_json(wakeup: Wakeup) -> dict[str, Any]:
    """A wake-up as the API tells it."""
    at = wakeup.time_of_day
    return {
        "code": wakeup.code,
        "name": wakeup.name,
        "segment": wakeup.segment.code,
        "channel": wakeup.channel,
        "variants": [
            {name: each[name] for name in ("code", "template", "share")} for each in wakeup.variants
        ],
        "schedule": {
            "every": wakeup.every,
            "at": instants.text(wakeup.at),
            "time": f"{at:%H:%M}" if at else None,
            "weekdays": wakeup.weekdays,
            "until": instants.text(wakeup.ends_at),
            "next_run_at": instants.text(wakeup.next_run_at),
        },
        "holdout_percent": wakeup.holdout_percent,
        "repeat_days": wakeup.repeat_days,
        "return_days": wakeup.return_days,
        "task": {
            "points": wakeup.task_points,
            "days": wakeup.task_days,
            "min_spend": money.plain(wakeup.task_min_spend),
            "budget": wakeup.task_budget,
            "spent": wakeup.task_spent,
        }
        if wakeup.task_points
        else None,
        **life_json(wakeup),
    }


def report_json(report: Report) -> dict[str, Any]:
    """A report as the API tells it."""
    return {
        **_figures(report.total),
        "incremental": _incremental(report.incremental),
        "complete_at": instants.text(report.complete_at),
        "variants": {code: _figures(each) for code, each in report.variants.items()},
        "runs": [
            {
                "run": run.number,
                "status": run.status,
                "slot": instants.text(run.slot),
                "finished_at": instants.text(run.finished_at),
                **_figures(figures),
            }
            for run, figures in report.runs
        ],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "audience": figures.sent_to.members + figures.held_out.members,
        "held_out": figures.held_out.members,
        "messages": {
            "queued": sum(figures.messages.get(name, 0) for name in ("queued", "sending")),
            "sent": figures.sent,
            "delivered": figures.delivered,
            "clicked": figures.clicked,
        },
        "suppressed": figures.suppressed,
        "failed": figures.failed,
        "returned": {"not_held_out": _group(figures.sent_to), "held_out": _group(figures.held_out)},
        "points_paid": figures.points_paid,
        "points_taken_back": figures.points_taken_back,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "members": group.members,
        "returned": group.returned,
        "rate": _share(group.rate),
        "orders": group.orders,
        "amount": money.plain(group.amount),
    }


def _incremental(found: Incremental) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "difference": _share(found.difference),
        "least": _share(found.least),
        "most": _share(found.most),
        "members": None if found.members is None else round(found.members),
    }


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
