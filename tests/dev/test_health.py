"""Probes on every host, and metrics that not everybody may read."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from loyalty import health
from loyalty.outbox.models import OutboxEvent
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test asks anew."""
    monkeypatch.setattr(health, "_probe", health.Probe())


@pytest.mark.parametrize("host", ["localhost", "acme.localhost", "unknown.example", "127.0.0.1"])
@pytest.mark.usefixtures("db")
def test_probes_answer_on_every_host(host: str) -> None:
    for path in ("/healthz", "/readyz"):
        answer = Client().get(path, headers={"host": host})
        assert answer.status_code == 200, path
        assert answer.json()["status"] == "ok"
        assert "no-cache" in answer["Cache-Control"]


@pytest.mark.usefixtures("db")
def test_ready_tells_each_check() -> None:
    checks = Client().get("/readyz").json()["checks"]
    assert list(checks) == ["postgres", "redis", "migrations", "outbox"]
    assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(checks, "ok")
    assert checks["migrations"]["brands_behind"] == 0
    assert checks["outbox"]["oldest_s"] == 0.0
    assert checks["outbox"]["brands"] == 2


def test_an_outbox_that_falls_behind_is_late_but_not_red(in_acme: Brand) -> None:
    event = OutboxEvent.objects.create(type="points.accrued", payload={}, occurred_at=NOW)
    OutboxEvent.objects.filter(pk=event.pk).update(created_at=NOW - timedelta(minutes=6))
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "late"
    assert answer.json()["checks"]["outbox"]["oldest_s"] == 360.0
    with in_brand(in_acme):
        OutboxEvent.objects.filter(pk=event.pk).update(position=1)
    health._probe._at -= health.REMEMBER_S
    assert Client().get("/readyz").json()["checks"]["outbox"]["oldest_s"] == 0.0


@pytest.mark.usefixtures("db")
def test_a_database_or_redis_that_does_not_answer_is_red(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "red"
    assert answer.json()["checks"]["redis"]["error"] == "ConnectionError"
    assert answer.json()["checks"]["postgres"]["status"] == "ok"


@pytest.mark.usefixtures("db")
def test_what_is_found_is_remembered_for_a_second(settings: Any) -> None:
    first = Client().get("/readyz").json()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert Client().get("/readyz").json() == first


@pytest.mark.usefixtures("db")
def test_a_missing_migration_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_shared_migrations", lambda: frozenset({("tenants", "9999_later")}))
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"]["missing"] == 1


def test_only_reading_is_allowed() -> None:
    assert Client().post("/healthz").status_code == 405


@pytest.mark.django_db
def test_metrics_want_the_token_and_in_production_do_not_exist_without_one(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert "django_http_requests" in Client().get("/metrics").content.decode()
    settings.PRODUCTION = True
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "token"
    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    good = Client().get("/metrics", headers={"authorization": "Bearer token"})
    assert good.status_code == 200
    assert good["Content-Type"].startswith("text/plain")
