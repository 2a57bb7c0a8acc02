"""Verifying the books every day and on demand, and keeping what was found."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from loyalty.analytics import selectors
from loyalty.analytics.models import Verification
from loyalty.lib import clock, instants, verification
from loyalty.outbox.services import publish
from tenants.context import current_brand
from tenants.models import Brand

RETRY_BROKEN_AFTER = timedelta(hours=1)
log = structlog.get_logger(__name__)


def ask(*, actor: str, now: datetime) -> Verification:
    """Ask for a run as soon as a worker is free. While one waits already, this is that one."""
    waiting, _created = Verification.objects.get_or_create(
        status=Verification.Status.WAITING, defaults={"asked_by": actor, "asked_at": now}
    )
    return waiting


def scheduled_at(*, brand: Brand, now: datetime) -> datetime:
    """The last instant until `now` at which the brand's books were to be verified.

    Once a day in the brand's `verify_hour`, at a minute that depends on the brand: not all at once.
    """
    minute = hashlib.sha256(brand.schema_name.encode()).digest()[0] % 60
    local = now.astimezone(brand.tz)
    today = local.replace(hour=int(brand.setting("verify_hour")), minute=minute, second=0, microsecond=0)
    return today if today <= local else today - timedelta(days=1)


def is_due(*, now: datetime) -> bool:
    """Whether somebody asked, or the day's run has not begun; a broken one is tried again after an hour."""
    if Verification.objects.filter(status=Verification.Status.WAITING).exists():
        return True
    latest = selectors.latest_verification()
    if latest is None or latest.started_at is None:
        return True
    if latest.status in (Verification.Status.BROKEN, Verification.Status.RUNNING):
        return latest.started_at <= now - RETRY_BROKEN_AFTER
    return latest.started_at < scheduled_at(brand=current_brand(), now=now)


def verify(*, now: datetime) -> Verification:
    """Run all checks for the current brand, keep what they found, and publish an event if anything is wrong.

    Only one may run at a time (see `tasks.tick_verification`); a run that was cut off is closed as broken.
    Must be called outside of a transaction.
    """
    run = _begin(now)
    try:
        found = [_told(ran) for ran in verification.run_all()]
    except Exception as error:
        log.exception("verification_broken")
        return _finish(run, Verification.Status.BROKEN, error=f"{type(error).__name__}: {error}"[:2000])
    red = any(check["violations"] for check in found)
    return _finish(run, Verification.Status.VIOLATED if red else Verification.Status.SOUND, found)


def _begin(now: datetime) -> Verification:
    status = Verification.Status
    with transaction.atomic():
        Verification.objects.filter(status=status.RUNNING).update(
            status=status.BROKEN, finished_at=now, error="cut off"
        )
        run = Verification.objects.filter(status=status.WAITING).first() or Verification(asked_at=now)
        run.status, run.started_at = status.RUNNING, now
        run.save()
    return run


def _finish(
    run: Verification, status: Verification.Status, found: list[dict[str, Any]] | None = None, error: str = ""
) -> Verification:
    with transaction.atomic():
        run.status, run.finished_at = status, clock.now()
        run.checks, run.error = found or [], error
        run.save(update_fields=["status", "finished_at", "checks", "error"])
        if run.violated:
            log.error("ledger_violated", codes=[check["code"] for check in run.violated])
            publish(
                type="ledger.verification_failed",
                payload={
                    "verification_id": str(run.pk),
                    "started_at": instants.text(run.started_at),
                    "finished_at": instants.text(run.finished_at),
                    "violated": [
                        {"code": check["code"], "title": check["title"], "rows": check["rows"]}
                        for check in run.violated
                    ],
                },
                occurred_at=run.finished_at,
            )
    return run


def _told(ran: verification.Ran) -> dict[str, Any]:
    return {
        "code": ran.check.code,
        "title": ran.check.title,
        "rows": ran.outcome.rows,
        "ms": round(ran.took_s * 1000),
        "violations": list(ran.outcome.violations),
    }
