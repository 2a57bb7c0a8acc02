"""A wake-up from its draft to its times: written, put forward, agreed to, cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.errors import WakeupNotFound
from campaigns.models import Channel, MessageTemplate, MessageTemplateVersion, Purpose, Wakeup, WakeupRun
from campaigns.models.decided import OPEN
from campaigns.services import decided, messages, segments
from campaigns.services.messages import templating
from campaigns.services.wakeups import nearness, times
from loyalty.lib import instants
from loyalty.lib.errors import FieldError, Invalid
from loyalty.outbox import services as outbox
from tenants.context import current_brand

MOST_VARIANTS: Final = 4
Status = Wakeup.Status
Every = Wakeup.Every
_WRITTEN: Final = (
    "name", "channel", "variants", "every", "at", "time_of_day", "weekdays", "ends_at", "holdout_percent",
    "repeat_days", "return_days", "task_points", "task_days", "task_min_spend", "task_budget",
)  # fmt: skip


def cancel(*, code: str, actor: str, now: datetime) -> Wakeup:
    """Send no more: a run that goes on ends where it stands, and what was queued and no sender has taken yet
    is withdrawn. One whose runs are done is cancelled for what is left of its messages. Repeating it is fine.

    Raises WakeupNotFound, WrongState (it is done, and nothing is left to withdraw).
    """
    with transaction.atomic():
        # A run before its wake-up, as whoever works on one locks them.
        for run in locks.runs_of(code):
            run.status, run.due_at, run.finished_at = WakeupRun.Status.CANCELLED, None, now
            run.save(update_fields=["status", "due_at", "finished_at"])
        wakeup = DECISIONS.lock(code)
        left = messages.withdraw(run_ids=WakeupRun.objects.filter(wakeup=wakeup).values("pk"))
        if wakeup.status != Status.CANCELLED:
            before = (Status.DRAFT, Status.SUBMITTED, *OPEN, *([Status.DONE] if left else []))
            decided.end(wakeup, Status.CANCELLED, actor=actor, now=now, before=before)
            wakeup.next_run_at = None
            wakeup.save()
            _tell("cancelled", wakeup, actor, now)
        return wakeup


def may_cancel(wakeup: Wakeup) -> bool:
    """Whether cancelling it would stop anything: also a run that is done, while messages of it are queued."""
    if wakeup.status == Status.DONE:
        return messages.are_queued(run_ids=WakeupRun.objects.filter(wakeup=wakeup).values("pk"))
    return wakeup.status != Status.CANCELLED


def templates(wakeup: Wakeup) -> dict[str, MessageTemplate]:
    """The message templates of the wake-up's variants, by variant; those that are gone are left out.

    Each says as its current version the one that was put forward: to be read, never to be saved.
    """
    named = {each["code"]: each["template"] for each in wakeup.variants}
    rows = list(MessageTemplate.objects.filter(code__in=named.values()))
    found = {variant: copy(row) for variant, code in named.items() for row in rows if row.code == code}
    for each in wakeup.variants:
        template = found.get(each["code"])
        if template is not None and template.current_version is not None and "version" in each:
            template.current_version = each["version"]
    return found


def _with_versions(wakeup: Wakeup) -> list[dict[str, Any]]:
    """The variants with the versions of their messages that are published now."""
    codes = [each["template"] for each in wakeup.variants]
    rows = MessageTemplate.objects.filter(code__in=codes)
    versions = dict(rows.values_list("code", "current_version"))
    return [{**each, "version": versions[each["template"]]} for each in wakeup.variants]


def _values(wakeup: Wakeup) -> dict[str, Any]:
    return {"segment": wakeup.segment.code}


def _fill(wakeup: Wakeup, values: Mapping[str, Any]) -> None:
    wakeup.segment = segments.usable(values["segment"])
    for name in _WRITTEN:
        if name in values:
            setattr(wakeup, name, values[name])
    errors = [*_schedule_errors(wakeup), *_message_errors(wakeup), *_task_errors(wakeup)]
    if errors:
        raise Invalid(errors)


def _schedule_errors(wakeup: Wakeup) -> list[FieldError]:
    if wakeup.every == Every.ONCE:
        wakeup.time_of_day, wakeup.weekdays, wakeup.ends_at = None, [], None
        return []
    wakeup.at = None
    errors = []
    if wakeup.time_of_day is None:
        errors.append(FieldError("/schedule/time", "required", _("This field is required.")))
    if wakeup.every == Every.WEEKLY and not wakeup.weekdays:
        errors.append(FieldError("/schedule/weekdays", "required", _("This field is required.")))
    if wakeup.every == Every.DAILY:
        wakeup.weekdays = []
    return errors


def _message_errors(wakeup: Wakeup) -> list[FieldError]:
    errors = []
    rows: Sequence[Mapping[str, Any]] = wakeup.variants
    if not 1 <= len(rows) <= MOST_VARIANTS:
        detail = _("From 1 to %(most)d messages.") % {"most": MOST_VARIANTS}
        errors.append(FieldError("/variants", "length", detail))
    if len({row["code"] for row in rows}) < len(rows):
        errors.append(FieldError("/variants", "repeated", _("Each variant needs a code of its own.")))
    if sum(row["share"] for row in rows) != 100:
        errors.append(FieldError("/variants", "share", _("The shares must add up to 100.")))
    if wakeup.channel not in Channel.values:
        errors.append(FieldError("/channel", "invalid_choice", _("Unknown channel.")))
    found = {
        each.code: each for each in MessageTemplate.objects.filter(code__in=[r["template"] for r in rows])
    }
    named: set[str] = set()
    for number, row in enumerate(rows):
        at = f"/variants/{number}/template"
        errors += _template_errors(wakeup, found.get(row["template"]), row.get("version"), at)
        if row["template"] in named:
            same = _("Both messages are the same: there would be nothing to compare.")
            errors.append(FieldError(at, "same_template", same))
        named.add(row["template"])
    return errors


def _template_errors(
    wakeup: Wakeup, template: MessageTemplate | None, put_forward: int | None, at: str
) -> list[FieldError]:
    if template is None:
        return [FieldError(at, "unknown_template", _("There is no message template of this code."))]
    if template.current_version is None:
        return [FieldError(at, "not_published", _("The message template has not been published yet."))]
    if template.purpose != Purpose.MARKETING:
        return [FieldError(at, "not_marketing", _("A wake-up sends what is marketing."))]
    version = MessageTemplateVersion.objects.get(template=template, version=template.current_version)
    if wakeup.channel not in version.body.get("channels", {}):
        return [FieldError(at, "no_text", _("The message template has no text for this channel."))]
    if put_forward is not None and wakeup.status != Status.DRAFT and put_forward != version.version:
        version = MessageTemplateVersion.objects.get(template=template, version=put_forward)
    return _fact_errors(wakeup, version.body, at)


def _fact_errors(wakeup: Wakeup, body: Mapping[str, Any], at: str) -> list[FieldError]:
    """A text that names what this wake-up does not know would reach nobody."""
    unknown = templating.named_in(body, wakeup.channel) - nearness.facts_known(wakeup)
    if not unknown:
        return []
    listed = ", ".join(f"{{{name}}}" for name in sorted(unknown))
    detail = (
        _("The text names %(names)s, which only a wake-up with points for coming back knows.")
        if unknown <= nearness.OF_TASK
        else _("The text names %(names)s, which this wake-up does not know.")
    )
    return [FieldError(at, "unknown_fact", detail % {"names": listed})]


def _task_errors(wakeup: Wakeup) -> list[FieldError]:
    if not wakeup.task_points:
        wakeup.task_days = wakeup.task_budget = 0
        wakeup.task_min_spend = Decimal(0)
        return []
    errors = []
    if not wakeup.task_days:
        errors.append(FieldError("/task/days", "required", _("This field is required.")))
    if wakeup.task_budget < wakeup.task_points:
        detail = _("Must be enough for at least one member.")
        errors.append(FieldError("/task/budget", "min_value", detail))
    return errors


def _put_forward(wakeup: Wakeup) -> None:
    _still_holds(wakeup)
    wakeup.variants = _with_versions(wakeup)


def _still_holds(wakeup: Wakeup) -> None:
    segments.hold(wakeup.segment)
    errors = _message_errors(wakeup)
    if errors:
        raise Invalid(errors)


def _timely(wakeup: Wakeup, now: datetime) -> None:
    if wakeup.at is not None and wakeup.at < now:
        raise Invalid.at("/schedule/at", "past", decided.PAST)
    _first_run(wakeup, now)


def _schedule(wakeup: Wakeup, now: datetime) -> None:
    wakeup.next_run_at = _first_run(wakeup, now)


def _first_run(wakeup: Wakeup, now: datetime) -> datetime:
    first = times.first(
        at=wakeup.at,
        time_of_day=wakeup.time_of_day,
        weekdays=wakeup.weekdays,
        now=now,
        tz=current_brand().tz,
    )
    if wakeup.ends_at is not None and first >= wakeup.ends_at:
        raise Invalid.at("/schedule/until", "never_runs", _("It ends before it goes out for the first time."))
    return first


def _tell(step: str, wakeup: Wakeup, actor: str, now: datetime) -> None:
    outbox.publish(
        type="wakeup.scheduled" if step == "approved" else f"wakeup.{step}",
        payload={
            "wakeup": wakeup.code,
            "segment": wakeup.segment.code,
            "channel": wakeup.channel,
            "next_run_at": instants.text(wakeup.next_run_at),
            "actor": actor,
        },
        occurred_at=now,
    )


DECISIONS: Final = decided.Decisions(
    model=Wakeup,
    locked=locks.wakeup,
    missing=WakeupNotFound,
    policy="wakeup_approval",
    fill=_fill,
    values=_values,
    put_forward=_put_forward,
    look_again=_still_holds,
    timely=_timely,
    schedule=_schedule,
    tell=_tell,
)
create, update, find = DECISIONS.create, DECISIONS.update, DECISIONS.find
submit, approve, reject = DECISIONS.submit, DECISIONS.approve, DECISIONS.reject
