"""Probes and metrics, on every host: is the process alive, can it serve, how is it doing."""

import hmac
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Any, Final

import psycopg
import redis
import structlog
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus import exports
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.lib import clock
from tenants import schemas
from tenants.context import in_brand
from tenants.models import Brand

REMEMBER_S: Final = 1.0
TIMEOUT_S: Final = 2
BRANDS_PER_PROBE: Final = 20
OUTBOX_LATE_AFTER: Final = timedelta(minutes=5)
OUTBOX_OLDEST: Final = "SELECT min(created_at) FROM outbox_event WHERE position IS NULL"

Check = dict[str, Any]
log = structlog.get_logger(__name__)


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all; touches nothing else."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when requests can be served, else 503. An outbox that falls behind is told as `late`, not red:
    taking web servers away would not make it faster."""
    checks = _probe.checks()
    red = any(check["status"] == "red" for check in checks.values())
    late = any(check["status"] == "late" for check in checks.values())
    status = "red" if red else "late" if late else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=503 if red else 200)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics of all web processes together. In production only with METRICS_TOKEN as bearer."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    if not token and settings.PRODUCTION:
        return HttpResponse(status=404)
    answer: HttpResponse = exports.ExportToDjangoView(request)
    answer.content += _books()
    return answer


def _books() -> bytes:
    """Whether each active brand's books were sound when they were last verified, and when that was.

    Read from the shared schema at each scrape, since the verification runs in another process.
    """
    registry = CollectorRegistry()
    sound = Gauge(
        "loyalty_ledger_verified", "Last verification: 1 sound, 0 not", ["brand"], registry=registry
    )
    at = Gauge("loyalty_ledger_verified_timestamp_seconds", "When that was", ["brand"], registry=registry)
    verified = Brand.objects.filter(status=Brand.Status.ACTIVE, books_verified_at__isnull=False)
    try:
        for brand in verified.only("slug", "books_sound", "books_verified_at"):
            sound.labels(brand.slug).set(bool(brand.books_sound))
            at.labels(brand.slug).set(brand.books_verified_at.timestamp())
    except (DatabaseError, psycopg.Error) as trouble:
        log.warning("metrics_without_books", error=type(trouble).__name__)
        return b""
    return generate_latest(registry)


class Probe:
    """The checks behind /readyz, remembered for a second so that probing costs little however often."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._at = -REMEMBER_S
        self._found: dict[str, Check] = {}
        self._migrated = False
        self._oldest: dict[int, datetime | None] = {}
        self._names: dict[int, str] = {}

    def checks(self) -> dict[str, Check]:
        """The state of everything that requests depend on."""
        with self._lock:
            if time.monotonic() - self._at < REMEMBER_S:
                return self._found
            found = {"postgres": _timed(_postgres), "redis": _timed(_redis)}
            if found["postgres"]["status"] == "ok":
                found["migrations"] = _timed(self._migrations)
                found["outbox"] = _timed(self._outbox)
            self._found, self._at = found, time.monotonic()
            return found

    def _migrations(self) -> Check:
        """Red while the shared schema lacks a migration of this code. Once green it stays so for the process.

        Brands that are behind (or already ahead, during a roll-out) are counted only: old and new code
        work on old and new schemas.
        """
        if not self._migrated:
            with connection.cursor() as cursor:
                cursor.execute("SELECT app, name FROM django_migrations")
                missing = _shared_migrations() - set(cursor.fetchall())
            if missing:
                return {"status": "red", "missing": len(missing)}
            self._migrated = True
        return {"status": "ok", "brands_behind": Brand.objects.exclude(schema_state=_fingerprint()).count()}

    def _outbox(self) -> Check:
        """Age of the oldest event without a position, in seconds, over all brands.

        Each probe asks a bounded number of brands: those that were late, then those not asked for longest.
        """
        now = clock.now()
        active = list(Brand.objects.filter(status=Brand.Status.ACTIVE).only("pk", "schema_name", "slug"))
        known = {brand.pk: brand for brand in active}
        self._oldest = {pk: oldest for pk, oldest in self._oldest.items() if pk in known}
        never = [pk for pk in known if pk not in self._oldest]
        waiting = [pk for pk, oldest in self._oldest.items() if oldest is not None]
        rest = [pk for pk, oldest in self._oldest.items() if oldest is None]
        for pk in (never + waiting + rest)[:BRANDS_PER_PROBE]:
            self._oldest.pop(pk, None)  # goes to the end of the queue
            with in_brand(known[pk]), connection.cursor() as cursor:
                cursor.execute(OUTBOX_OLDEST)
                self._oldest[pk] = cursor.fetchone()[0]
        oldest = min((at for at in self._oldest.values() if at is not None), default=None)
        age = (now - oldest).total_seconds() if oldest else 0.0
        late = age > OUTBOX_LATE_AFTER.total_seconds()
        return {"status": "late" if late else "ok", "oldest_s": round(max(age, 0.0), 1), "brands": len(known)}


_probe = Probe()
_fingerprint = cache(schemas.fingerprint)


@cache
def _shared_migrations() -> frozenset[tuple[str, str]]:
    """The migrations of this code that belong into the shared schema."""
    labels = {config.label for config in apps.get_app_configs() if config.name in settings.SHARED_APPS}
    on_disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return frozenset(key for key in on_disk if key[0] in labels)


def _timed(check: Callable[[], Check]) -> Check:
    """Run one check; a failure is red and logged by its class, since its text may hold addresses."""
    started = time.monotonic()
    try:
        found = check()
    except (DatabaseError, psycopg.Error, redis.RedisError, OSError) as trouble:
        log.warning("probe_failed", check=check.__name__.strip("_"), error=type(trouble).__name__)
        found = {"status": "red", "error": type(trouble).__name__}
    return {**found, "ms": round((time.monotonic() - started) * 1000, 1)}


def _postgres() -> Check:
    """Ask on a connection of our own: the pool would keep the probe waiting while it tries to reconnect."""
    database = connection.settings_dict
    with psycopg.connect(
        dbname=database["NAME"],
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
        host=database["HOST"] or None,
        port=database["PORT"] or None,
        connect_timeout=TIMEOUT_S,
        options=f"-c statement_timeout={TIMEOUT_S}s",
    ) as own:
        own.execute("SELECT 1")
    return {"status": "ok"}


def _redis() -> Check:
    """Broker and cache answer."""
    for url in {settings.REDIS_URL, settings.REDIS_CACHE_URL}:
        once = Retry(NoBackoff(), 0)
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=once
        ) as client:
            client.ping()
    return {"status": "ok"}
