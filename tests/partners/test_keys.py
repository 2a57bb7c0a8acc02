"""API keys: made by command, remembered for seconds, refused when revoked, counted per second."""

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.lib import clock
from partners import auth, services, throttle
from partners.models import ApiKey
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.support import brands
from tests.support.client import Api

pytestmark = pytest.mark.django_db
PATH = "/event-types"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    auth.forget()
    throttle._counter.__init__()  # type: ignore[misc]


def made(brand: Brand, **options: object) -> tuple[ApiKey, str]:
    with in_brand(brand):
        values = {"name": "till", "scopes": ["webhooks:write"], "now": NOW, **options}
        return services.create_key(**values)  # type: ignore[arg-type]


def test_the_command_prints_the_key_alone_and_it_works(acme: Brand) -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "create_api_key", "acme", name="ERP", scopes=["webhooks:write,points:read"], stdout=out, stderr=err
    )
    secret = out.getvalue().strip()
    assert secret.startswith("lk_")
    assert len(secret) == 46
    assert secret not in err.getvalue()
    with in_brand(acme):
        key = ApiKey.objects.get(name="ERP")
    assert key.scopes == ["webhooks:write", "points:read"]
    assert (key.rate_per_s, key.expires_at, key.digest) == (5000, None, auth.digest(secret))
    assert secret[11:] not in key.prefix
    assert Api("acme.localhost", secret).get(PATH).status_code == 200
    assert Api("globex.localhost", secret).get(PATH).status_code == 401


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scopes": "everything"}, "/scopes"),
        ({"scopes": ","}, "/scopes"),
        ({"name": " "}, "/name"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"rate_per_s": 0}, "/rate_per_s"),
    ],
)
def test_a_bad_key_is_refused_and_nothing_is_written(
    acme: Brand, row_counts: Callable[[], dict[str, int]], change: dict[str, object], message: str
) -> None:
    before = row_counts()
    options = {"name": "ERP", "scopes": "points:read", **change}
    with pytest.raises(CommandError, match=message):
        call_command("create_api_key", "acme", **options)
    assert row_counts() == before


def test_an_unknown_brand_is_refused(acme: Brand) -> None:
    with pytest.raises(CommandError, match="no brand nobody"):
        call_command("create_api_key", "nobody", name="ERP", scopes="*")


def test_a_key_that_is_known_costs_no_query(acme: Brand) -> None:
    _key, secret = made(acme)
    api = Api("acme.localhost", secret)
    assert api.get(PATH).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert api.get(PATH).status_code == 200
    assert [q["sql"] for q in queries if "apikey" in q["sql"]] == []


def test_a_revoked_key_is_refused_after_a_few_seconds_at_most(
    acme: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = made(acme)
    api = Api("acme.localhost", secret)
    assert api.get(PATH).status_code == 200
    with in_brand(acme):  # as another process would do it
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=NOW)
    real = auth.time.monotonic
    monkeypatch.setattr(auth.time, "monotonic", lambda: real() + 5)
    answer = api.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert "revoked" in answer.json()["detail"]


def test_revoking_in_this_process_works_at_once_and_again(acme: Brand) -> None:
    key, secret = made(acme)
    api = Api("acme.localhost", secret)
    assert api.get(PATH).status_code == 200
    with in_brand(acme):
        assert services.revoke_key(key_id=key.pk, now=NOW).revoked_at == NOW
        assert services.revoke_key(key_id=key.pk, now=NOW + timedelta(days=1)).revoked_at == NOW
    assert api.get(PATH).status_code == 401


def test_a_key_ends_at_its_time_even_while_it_is_remembered(acme: Brand) -> None:
    _key, secret = made(acme, expires_in_days=1)
    api = Api("acme.localhost", secret)
    with clock.frozen(NOW + timedelta(days=1) - timedelta(microseconds=1)):
        assert api.get(PATH).status_code == 200
    with clock.frozen(NOW + timedelta(days=1)):
        assert api.get(PATH).status_code == 401


def test_the_last_use_is_noted_once_a_minute(acme: Brand) -> None:
    key, secret = made(acme)
    api = Api("acme.localhost", secret)

    def used_after(seconds: int) -> object:
        with clock.frozen(NOW + timedelta(seconds=seconds)):
            assert api.get(PATH).status_code == 200
        with in_brand(acme):
            return ApiKey.objects.get(pk=key.pk).last_used_at

    assert used_after(0) == NOW
    assert used_after(59) == NOW
    assert used_after(60) == NOW + timedelta(seconds=60)


def test_the_key_of_a_brand_is_not_remembered_for_another(acme: Brand, globex: Brand) -> None:
    assert Api("acme.localhost", brands.key("acme")).get(PATH).status_code == 200
    assert Api("globex.localhost", brands.key("acme")).get(PATH).status_code == 401


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine's Redis may take longer than a request is allowed to wait for it."""
    monkeypatch.setattr(throttle, "TIMEOUT_S", 10.0)
    monkeypatch.setattr(throttle, "_counter", throttle._Counter())


def second_of(monkeypatch: pytest.MonkeyPatch, at: float) -> None:
    monkeypatch.setattr(throttle.time, "time", lambda: at)


def test_more_than_the_keys_limit_in_a_second_is_429(acme: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    _key, secret = made(acme, rate_per_s=3)
    api = Api("acme.localhost", secret)
    second_of(monkeypatch, 1_000_000.25)
    left = []
    for _number in range(3):
        answer = api.get(PATH)
        assert answer.status_code == 200
        assert (answer["RateLimit-Limit"], answer["RateLimit-Reset"]) == ("3", "1")
        left.append(answer["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    answer = api.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert (answer["Retry-After"], answer["RateLimit-Remaining"]) == ("1", "0")
    second_of(monkeypatch, 1_000_001.0)
    assert api.get(PATH).status_code == 200


def test_refusals_and_errors_count_and_carry_the_headers(
    acme: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    _key, secret = made(acme, rate_per_s=4, scopes=["points:read"])
    api = Api("acme.localhost", secret)
    second_of(monkeypatch, 1_000_000.25)
    answers = [
        api.get("/webhook-endpoints"),
        api.call("POST", "/webhook-endpoints", None, raw=b"{"),
        api.call("DELETE", PATH, None),
    ]
    assert [a.status_code for a in answers] == [403, 403, 405]
    assert [a["RateLimit-Remaining"] for a in answers] == ["3", "2", "1"]


def test_processes_share_one_limit(acme: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    second_of(monkeypatch, 1_000_000.25)
    redis.Redis.from_url(settings.REDIS_CACHE_URL).delete(f"rate:acme:{brands.KEY_ID}:1000000")
    one, other = throttle._Counter(), throttle._Counter()
    name = ("acme", brands.KEY_ID)
    allowed = [counter.take(name, 100, 1_000_000.25)[0] for _n in range(100) for counter in (one, other)]
    assert allowed.count(True) == 100


def test_brands_with_the_same_key_id_have_limits_of_their_own(acme: Brand, globex: Brand) -> None:
    counter = throttle._Counter()
    for slug in ("acme", "globex"):
        assert counter.take((slug, brands.KEY_ID), 1, 2_000_000.0) == (True, 0)
    assert counter.take(("acme", brands.KEY_ID), 1, 2_000_000.0) == (False, 0)


def test_without_redis_requests_go_through_and_are_counted_here(settings: object) -> None:
    settings.REDIS_CACHE_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    counter = throttle._Counter()
    allowed = [counter.take(("acme", brands.KEY_ID), 5, 3_000_000.0)[0] for _n in range(7)]
    assert allowed == [True] * 5 + [False] * 2
