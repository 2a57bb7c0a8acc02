"""Simulations as jobs: who may see them, how they are stopped, what happens when they are cut off."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError

from campaigns.services import simulation
from campaigns.services.simulation import asking, reading
from loyalty.analytics import simulations
from loyalty.lib import clock
from loyalty.outbox import jobs, tasks
from loyalty.outbox.models import Job
from partners import services
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.shapes import BASE, multiplier, order, priced
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Advance = Callable[[], bool]
PATH = "/earning-rules/simulate"


def asked(api: Api, **more: Any) -> dict[str, Any]:
    answer = api.post(PATH, {"rules": [multiplier("double", "2")], **more})
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    return told


def of(api: Api, told: dict[str, Any], what: str = "") -> Any:
    return api.get(f"/jobs/{told['job_id']}{what}")


def test_from_queued_to_its_result(api: Api, base_rule: None, advance: Advance) -> None:
    api.post("/orders", priced("1", "10"))
    told = asked(api)
    assert (told["kind"], told["status"], told["total"]) == ("rules.simulation", "queued", 1)
    early = of(api, told, "/result")
    assert (early.status_code, early.json()["code"]) == (409, "no_result")
    assert advance()
    assert not advance()
    done = of(api, told).json()
    assert (done["status"], done["done"], done["total"], done["counts"]) == ("succeeded", 1, 1, {"judged": 1})
    assert done["result_url"] == told["result_url"] == f"/api/v1/jobs/{told['job_id']}/result"
    assert of(api, told, "/result").json()["totals"]["draft"]["points"] == 20
    assert of(api, told, "/errors").json()["items"] == []


def test_an_order_recorded_after_the_question_is_left_out(
    api: Api, base_rule: None, advance: Advance, now: Any
) -> None:
    told = asked(api)
    with clock.frozen(now.replace(hour=3)):
        api.post("/orders", priced("late", "10"))
        advance()
    assert of(api, told, "/result").json()["orders"]["recorded"] == 0


def test_a_key_sees_the_jobs_that_it_may_ask_for(api: Api, acme: Brand, base_rule: None) -> None:
    told = asked(api)
    with in_brand(acme):
        orders_only, rules_only = (
            Api("acme.localhost", services.create_key(name=scope, scopes=[scope], now=clock.now())[1])
            for scope in ("orders:write", "rules:write")
        )
    for path in ("", "/result", "/errors"):
        assert of(orders_only, told, path).status_code == 403
    refused = orders_only.post(f"/jobs/{told['job_id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert of(api, told).json()["status"] == "queued"
    assert of(rules_only, told).status_code == 200
    batch = api.post("/orders/batch", raw=b'{"type": "order"}\n', content_type="application/x-ndjson").json()
    assert (of(rules_only, batch).status_code, of(orders_only, batch).status_code) == (403, 200)
    assert orders_only.post(PATH, {}).status_code == 403


def test_cancelling(api: Api, base_rule: None, advance: Advance) -> None:
    told = asked(api)
    path = f"/jobs/{told['job_id']}/cancel"
    for _twice in range(2):
        answer = api.post(path)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert not advance()
    assert of(api, told).json()["finished_at"] is not None
    assert of(api, told, "/result").json()["code"] == "no_result"
    other = asked(api)
    advance()
    late = api.post(f"/jobs/{other['job_id']}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "job_over")
    assert of(api, other).json()["status"] == "succeeded"


def test_cancelling_in_the_middle(
    api: Api, acme: Brand, base_rule: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody cancels between two portions: the simulation stops there and keeps no result."""
    for number in range(3):
        api.post("/orders", priced(str(number), "10"))
    monkeypatch.setattr(reading, "PORTION", 1)
    told = asked(api)
    passed = []
    portions = reading.portions

    def watched(*period: Any) -> Any:
        for portion in portions(*period):
            passed.append(portion)
            if len(passed) == 2:
                jobs.cancel(job_id=Job.objects.get().pk, now=clock.now())
            yield portion

    monkeypatch.setattr(reading, "portions", watched)
    with in_brand(acme):
        assert jobs.advance(now=clock.now, lane="reading")
        assert len(passed) == 2
        job = Job.objects.get()
    assert (job.status, job.done, job.result) == ("cancelled", 1, None)
    assert of(api, told).json()["status"] == "cancelled"


def test_a_batch_is_stopped_at_the_next_portion(api: Api, acme: Brand, base_rule: None) -> None:
    lines = b'{"type": "order"}\n'
    told = api.post("/orders/batch", raw=lines, content_type="application/x-ndjson").json()
    assert api.post(f"/jobs/{told['job_id']}/cancel").status_code == 200
    with in_brand(acme):
        assert not jobs.advance(now=clock.now)


def test_a_simulation_keeps_no_batch_waiting_and_the_other_way_round(
    api: Api, acme: Brand, base_rule: None, advance: Advance
) -> None:
    first = asked(api)
    api.post("/orders/batch", raw=b'{"type": "order"}\n', content_type="application/x-ndjson")
    second = asked(api)
    with in_brand(acme):
        assert jobs.advance(now=clock.now)
        assert not jobs.advance(now=clock.now)
    assert [of(api, each).json()["status"] for each in (first, second)] == ["queued", "queued"]
    advance()
    assert [of(api, each).json()["status"] for each in (first, second)] == ["succeeded", "queued"]


def test_what_is_cut_off_begins_anew_three_times_and_is_then_given_up(
    api: Api, acme: Brand, base_rule: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_args: Any, **_more: Any) -> Any:
        raise InterfaceError

    told = asked(api)
    with monkeypatch.context() as patched, in_brand(acme):
        patched.setattr(simulation, "run", cut_off)
        for _attempt in range(jobs.ATTEMPTS):
            with pytest.raises(InterfaceError):
                jobs.advance(now=clock.now, lane="reading")
            assert of(api, told).json()["status"] == "running"
    with in_brand(acme):
        assert jobs.advance(now=clock.now, lane="reading")
    done = of(api, told).json()
    assert (done["status"], done["problem"]) == ("failed", "GivenUp")
    assert simulations.run


def test_results_are_kept_for_ninety_days(
    api: Api, acme: Brand, base_rule: None, advance: Advance, now: Any
) -> None:
    told = asked(api)
    advance()
    for days, status in ((89, 200), (90, 409)):
        with clock.frozen(now + timedelta(days=days)), in_brand(acme):
            tasks.tidy()
        assert of(api, told, "/result").status_code == status
    assert of(api, told).json()["status"] == "succeeded"


def test_the_same_key_gives_the_same_job(api: Api, base_rule: None) -> None:
    body = {"rules": [BASE]}
    first = api.post(PATH, body, key="simulation-number-one")
    again = api.post(PATH, body, key="simulation-number-one")
    assert (first.content, again.status_code) == (again.content, 202)
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "invalid"),
        ({"rule": BASE}, "/rule", "unknown_field"),
        ({"rules": BASE}, "/rules", "not_a_list"),
        ({"rules": [7]}, "/rules/0", "type"),
        ({"rules": [None]}, "/rules/0", "type"),
        ({"rules": [BASE, {"code": "base"}]}, "/rules/1/code", "duplicate"),
        ({"rules": [{"code": "nobody"}]}, "/rules/0/code", "not_found"),
        ({"rules": [{"code": "base", "version": 9}]}, "/rules/0/version", "not_found"),
        ({"rules": [{"code": "base", "version": "1"}]}, "/rules/0/version", "not_found"),
        ({"rules": [BASE | {"effect": {"type": "gift"}}]}, "/rules/0/effect/type", None),
        ({"retire": ["nobody"]}, "/retire/0", "not_found"),
        ({"rules": [BASE], "retire": ["base"]}, "/retire/0", "duplicate"),
        ({"from": "yesterday"}, "/from", "invalid"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-02T00:00:00Z"}, "/to", "before_from"),
        ({"filters": {"member": ["x"]}}, "/filters/member", "unknown_field"),
        ({"filters": {"stores": [1]}}, "/filters/stores/0", "type"),
        ({"filters": []}, "/filters", "invalid"),
    ],
)
def test_bad_bodies(
    api: Api, base_rule: None, row_counts: Callable[[], Any], body: Any, pointer: str, code: str | None
) -> None:
    before = row_counts()
    answer = api.post(PATH, body)
    assert answer.status_code == 422, answer.content
    found = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert pointer in [each[0] for each in found]
    assert code is None or (pointer, code) in found
    assert row_counts() == before


def test_too_many_orders(api: Api, base_rule: None, monkeypatch: pytest.MonkeyPatch) -> None:
    api.post("/orders", order())
    monkeypatch.setattr(asking, "MOST_ORDERS", 0)
    answer = api.post(PATH, {})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many_orders")
