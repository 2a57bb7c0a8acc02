"""What a brand of each template gives on its first day."""

from typing import Any

import pytest

from campaigns import templates as rules
from points import templates as tiers
from tenants.models import Brand
from tests.orders.shapes import line, order
from tests.support.client import Api

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("template", "codes", "category", "entries"),
    [
        # Sunday 22 November, brand time: 40.00 at the category's rate, and half of it for the weekend.
        ("retail", ["silver", "gold", "diamond"], "fresh/dairy", {"fresh": 80, "weekend": 40}),
        ("dairy", ["fresh", "daily", "family"], "dairy/fresh", {"fresh-milk": 80, "weekend": 40}),
        ("fmcg", ["member", "plus", "premium"], "personal-care/hair", {"personal-care": 80, "weekend": 40}),
    ],
)
def test_tiers_and_rates(
    api: Api,
    in_acme: Brand,
    now: Any,
    template: str,
    codes: list[str],
    category: str,
    entries: dict[str, int],
) -> None:
    for _again in range(2):
        tiers.install(template, now=now)
        rules.install(template, now=now)
    assert [level["code"] for level in api.get("/tiers").json()["levels"]] == codes
    body = api.post("/orders", order("1", lines=[line("40.00", category=category)])).json()
    assert {e["rule"]: e["points"] for e in body["entries"]} == entries
    assert body["tier"] == codes[0]


def test_blank_begins_with_nothing(api: Api, in_acme: Brand, now: Any) -> None:
    tiers.install("blank", now=now)
    rules.install("blank", now=now)
    assert api.get("/tiers").status_code == 404
    assert api.post("/orders", order("1")).json()["points"]["accrued"] == 0
