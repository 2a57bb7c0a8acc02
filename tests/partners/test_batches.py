"""`POST /orders/batch`: the result is that of posting the lines one by one, whatever happens in between."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from loyalty.lib import clock
from loyalty.outbox import jobs
from loyalty.outbox.models import Job
from members.models import Purchase, PurchaseReturn
from partners import ndjson
from partners.models import BatchLine
from partners.services import batches
from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.shapes import BASE, order, priced
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db
NDJSON = "application/x-ndjson"
RULES = (
    BASE,
    BASE
    | {
        "code": "third",
        "effect": {"type": "fixed", "points": 100},
        "when": {"all": [{"fact": "member.nth_order", "op": "eq", "value": 3}]},
    },
)
BEN = {"member": {"external_id": "C-ben"}}


def of(kind: str, **body: Any) -> dict[str, Any]:
    return {"type": kind, **body}


LINES = [
    of("order", **priced("A-1", "10.40")),
    of("return", order_id="A-3", return_id="R-early", all=True),  # comes before its order
    of("order", **priced("B-1", "7.00")) | BEN,
    of("order", **priced("A-2", "20")),
    of("order", **priced("A-3", "30")),
    of("return", order_id="A-1", return_id="R-1", lines=[{"line_id": "1", "quantity": "1"}]),
    of("order", **priced("A-1", "10.40")),  # again
    of("order", **priced("A-4", "5")),
]


@pytest.fixture
def rules(api: Api, foreign: Api) -> None:
    for partner in (api, foreign):
        for rule in RULES:
            assert partner.post("/earning-rules", rule).status_code == 201
            assert partner.post(f"/earning-rules/{rule['code']}/publish").status_code == 200


def raw(lines: list[Any]) -> bytes:
    return b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines)


def send(api: Api, lines: list[Any], **more: Any) -> Any:
    return api.call("POST", "/orders/batch", None, raw=raw(lines), content_type=NDJSON, **more)


def work(brand: Brand) -> None:
    with in_brand(brand):
        while jobs.advance(now=clock.now):
            pass


def run(api: Api, brand: Brand, lines: list[Any]) -> dict[str, Any]:
    answer = send(api, lines)
    assert answer.status_code == 202, answer.content
    work(brand)
    return dict(api.get(f"/jobs/{answer.json()['job_id']}").json())


def books(brand: Brand) -> tuple[Any, ...]:
    """What the books hold, without ids."""
    with in_brand(brand):
        return (
            list(
                Entry.objects.order_by("account__member_id", "seq").values_list(
                    "kind", "source", "reference", "rule", "direction", "points", "balance_after"
                )
            ),
            list(Account.objects.order_by("member_id").values_list("available", "pending", "debt")),
            list(Purchase.objects.order_by("order_id").values_list("order_id", "status", "amount")),
            sorted(PurchaseReturn.objects.values_list("return_id", flat=True)),
        )


def one_by_one(api: Api, lines: list[dict[str, Any]]) -> None:
    for sent in lines:
        line = dict(sent)
        if line.pop("type") == "order":
            assert api.post("/orders", line).status_code in (200, 201)
        else:
            assert api.post(f"/orders/{line.pop('order_id')}/returns", line).status_code in (201, 202)


def test_a_batch_equals_its_lines_posted_one_by_one_and_again_changes_nothing(
    api: Api, foreign: Api, acme: Brand, globex: Brand, rules: None
) -> None:
    one_by_one(foreign, LINES)

    done = run(api, acme, LINES)

    assert (done["status"], done["done"], done["total"]) == ("succeeded", 8, 8)
    assert done["counts"] == {"recorded": 5, "parked": 1, "returned": 1, "repeated": 1}
    assert books(acme) == books(globex)
    first = books(acme)
    assert [e for e in first[0] if e[3] == "third"] != []
    assert run(api, acme, LINES)["counts"] == {"repeated": 8}
    assert books(acme) == first


def test_a_batch_that_is_cut_off_goes_on_where_it_stopped(
    api: Api, foreign: Api, acme: Brand, globex: Brand, rules: None
) -> None:
    one_by_one(foreign, LINES)
    job_id = send(api, LINES).json()["job_id"]
    left = iter([True] * 3 + [False] + [True] * 2 + [False])
    with in_brand(acme):
        job = Job.objects.get(pk=job_id)
        assert not batches.take(job, lambda: next(left))
        assert (job.done, Purchase.objects.count()) == (3, 2)
        assert not batches.take(job, lambda: next(left))
        assert job.done == 5
    work(acme)

    assert api.get(f"/jobs/{job_id}").json()["counts"]["recorded"] == 5
    assert books(acme) == books(globex)


def test_a_bad_line_loses_nothing_but_itself(api: Api, acme: Brand, rules: None) -> None:
    bad = [
        b"{",
        b"\xff\xfe",
        b"[1]",
        of("refund", order_id="X"),
        {"order_id": "X"},
        of("order", **order("X-1", total="1.00")),
        of("order", **order("X-2", surprise=1)),
        of("return", return_id="R-9", all=True),
        of("return", order_id="A-1", return_id="R-2", lines=[{"line_id": "1", "quantity": "9"}]),
        of("order", **priced("A-1", "11")),
    ]

    answer = send(api, [LINES[0], b"   ", *bad, of("order", **priced("A-9", "1"))])
    assert (answer.status_code, answer.json()["total"]) == (202, 12)
    work(acme)

    job = api.get(f"/jobs/{answer.json()['job_id']}").json()
    assert (job["status"], job["counts"]) == ("succeeded", {"recorded": 2, "failed": 10})
    errors = api.get(job["errors_url"].removeprefix("/api/v1")).json()["items"]
    assert [(e["line"], e["reference"], e["problem"]["code"], pointer(e)) for e in errors] == [
        (3, "", "malformed_json", None),
        (4, "", "malformed_json", None),
        (5, "", "validation_failed", ""),
        (6, "", "validation_failed", "/type"),
        (7, "", "validation_failed", "/type"),
        (8, "X-1", "validation_failed", "/total"),
        (9, "X-2", "validation_failed", "/surprise"),
        (10, "R-9", "validation_failed", "/order_id"),
        (11, "R-2", "validation_failed", "/lines/0/quantity"),
        (12, "A-1", "order_conflict", None),
    ]
    page = api.get(f"{job['errors_url'].removeprefix('/api/v1')}?limit=4").json()
    assert [e["line"] for e in page["items"]] == [3, 4, 5, 6]
    with in_brand(acme):
        assert sorted(Purchase.objects.values_list("order_id", flat=True)) == ["A-1", "A-9"]


def pointer(error: dict[str, Any]) -> str | None:
    errors = error["problem"].get("errors")
    return errors[0]["pointer"] if errors else None


def test_an_error_of_ours_at_one_line_is_told_and_the_rest_goes_on(
    api: Api, acme: Brand, rules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = dict(batches._HANDLERS)

    def stumble(work: batches._Work, now: Any) -> str:
        if work.order_id == "A-2":
            raise KeyError("a bug")
        return handlers["order"](work, now)

    monkeypatch.setitem(batches._HANDLERS, "order", stumble)  # type: ignore[arg-type]

    job = run(api, acme, [LINES[0], LINES[3], LINES[7]])

    assert job["counts"] == {"recorded": 2, "failed": 1}
    [error] = api.get(job["errors_url"].removeprefix("/api/v1")).json()["items"]
    assert (error["line"], error["problem"]["code"]) == (2, "internal_error")


def test_lines_share_a_transaction_until_one_is_refused(api: Api, acme: Brand, rules: None) -> None:
    send(api, [LINES[0], LINES[2], LINES[3], of("order", **priced("A-1", "11"))])
    with in_brand(acme):
        lines = list(BatchLine.objects.order_by("line"))
        assert batches._together(lines[:2], [batches._read(line) for line in lines[:2]], lambda: True) == (
            2,
            True,
        )
        with pytest.raises(batches._Apart), transaction.atomic():
            batches._together(lines[2:], [batches._read(line) for line in lines[2:]], lambda: True)
        assert sorted(Purchase.objects.values_list("order_id", flat=True)) == ["A-1", "B-1"]
        assert list(BatchLine.objects.order_by("line").values_list("status", flat=True)) == [
            "taken", "taken", "waiting", "waiting",
        ]  # fmt: skip
    work(acme)
    with in_brand(acme):
        assert list(BatchLine.objects.order_by("line").values_list("status", flat=True)) == [
            "taken", "taken", "taken", "failed",
        ]  # fmt: skip


def test_what_is_judged_after_a_commit_ends_the_transaction(api: Api, acme: Brand, rules: None) -> None:
    invite = {"trigger": "referral.first_order", "to": "both", "effect": {"type": "fixed", "points": 5}}
    assert api.post("/earning-rules", {"code": "invite", "name": {"en": "x"}, **invite}).status_code == 201
    api.post("/earning-rules/invite/publish")
    code = api.get(f"/members/{ANNA}").json()["referral_code"]
    api.post("/members", {"external_id": "C-friend", "referrer_code": code})
    friends = of("order", **priced("F-1", "5")) | {"member": {"external_id": "C-friend"}}
    send(api, [LINES[2], friends, LINES[0]])
    with in_brand(acme):
        lines = list(BatchLine.objects.order_by("line"))
        read = [batches._read(line) for line in lines]
        assert batches._together(lines, read, lambda: True) == (2, True)


def test_errors_are_told_in_the_language_of_the_call(api: Api, acme: Brand) -> None:
    job_id = send(api, [[]], headers={"Accept-Language": "zh-hans"}).json()["job_id"]
    work(acme)

    [error] = api.get(f"/jobs/{job_id}/errors").json()["items"]
    assert error["problem"]["errors"][0]["detail"] == "必须是 JSON 对象。"


def test_the_same_key_gives_the_same_job(api: Api, acme: Brand) -> None:
    key = "batch-key-00000001"
    first = send(api, LINES, key=key)
    again = send(api, LINES, key=key)
    other = send(api, LINES[:1], key=key)

    assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    with in_brand(acme):
        assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("lines", "code"), [([], "empty"), ([b"", b"  "], "empty"), ([{}] * 4, "too_many_lines")]
)
def test_a_batch_of_nothing_or_too_much_is_refused_whole(
    lines: list[Any],
    code: str,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    row_counts: Callable[[], dict[str, int]],
) -> None:
    monkeypatch.setattr(batches, "MAX_LINES", 3)
    before = row_counts()

    answer = send(api, lines)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert row_counts() == before


def test_too_many_bytes_are_413_and_too_long_a_line_fails_alone(
    api: Api, acme: Brand, rules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (ndjson, batches):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 1000)
    job = run(api, acme, [LINES[0], b" " * 3000 + b"{}", b"x" * 700_000, LINES[3]])
    assert job["counts"] == {"recorded": 2, "failed": 2}

    monkeypatch.setattr(ndjson, "MAX_BYTES", 100)
    answer = send(api, LINES)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    with in_brand(acme):
        assert Job.objects.count() == 1


def test_jobs_run_in_the_order_they_were_asked_for(api: Api, acme: Brand, rules: None) -> None:
    sent = [send(api, [line]).json()["job_id"] for line in (LINES[0], LINES[3])]
    with in_brand(acme):
        jobs.advance(now=clock.now)
        assert [Job.objects.get(pk=UUID(job_id)).status for job_id in sent] == ["succeeded", "queued"]
        jobs.advance(now=clock.now)
        assert not jobs.advance(now=clock.now)


def test_old_batches_are_forgotten(api: Api, acme: Brand, rules: None) -> None:
    run(api, acme, LINES)
    with in_brand(acme):
        assert batches.forget_batches(now=clock.now(), limit=100) == 0
        later = clock.now() + batches.KEPT
        assert batches.forget_batches(now=later, limit=5) == 5
        assert batches.forget_batches(now=later, limit=5) == 3
