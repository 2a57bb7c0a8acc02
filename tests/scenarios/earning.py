"""Reads the earning schemes of `schemes/` and plays their cases through the HTTP API."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from campaigns.services import moments
from loyalty.lib import clock
from points.models import Entry
from tests.campaigns.table import FRIDAY, Text, body
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

FOLDER = Path(__file__).parent / "schemes"
MAIN = "main"


@cache
def schemes() -> list[dict[str, Any]]:
    """Every scheme of every file, its rules as whole documents under `documents`."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for scheme in yaml.load(path.read_text(encoding="utf-8"), Loader=Text):
            scheme["documents"] = [body(code, scheme) for code in scheme["rules"]]
            found.append(scheme)
    return found


def documents() -> list[dict[str, Any]]:
    """The rules of all schemes, each once."""
    found: list[dict[str, Any]] = []
    for scheme in schemes():
        found += [document for document in scheme["documents"] if document not in found]
    return found


def set_up(api: Api, scheme: dict[str, Any]) -> None:
    """Make the scheme the brand's: its tiers, and each rule as a draft that is published."""
    if "tiers" in scheme:
        levels = [{"code": code, "threshold": at, "multiplier": by} for code, at, by in scheme["tiers"]]
        program = {"qualify_by": "points", "period": {"type": "rolling_months", "months": 12}}
        _done(api.put("/tiers", {**program, "downgrade": "by_earned", "grace_days": 0, "levels": levels}))
    for document in scheme["documents"]:
        _done(api.post("/earning-rules", document))
        _done(api.post(f"/earning-rules/{document['code']}/publish"))


class Story:
    """One case: who it is about, what happened before, what happens, and what then is held by rule."""

    def __init__(self, api: Api, scheme: dict[str, Any], case: dict[str, Any], now: datetime) -> None:
        self.api, self.case, self.now = api, case, now
        triggers = {document["trigger"].partition(".")[0] for document in scheme["documents"]}
        self.watched = bool(triggers & {"member", "referral"})
        self.member = BORIS
        if "member" in case or "enrolled" in case:
            self.member = self._somebody_new(dict(case.get("member", {})))

    def play(self) -> dict[str, Any]:
        """All of it; what was held after the event, after a part came back, and after all did."""
        for number, step in enumerate(self.case.get("before", ()), 1):
            self._happens(step, f"before-{number}")
        self._settle()
        self._happens(self.case, MAIN)
        self._settle()
        if "decision" in self.case:
            _done(self.api.post(f"/activities/{MAIN}/{self.case['decision']}", {}))
        found = self._found()
        if "pending" in self.case:
            found["pending"] = self.api.get(f"/members/{self.member}/account").json()["pending"]
        part = self.case.get("part")
        if part is not None:
            self._comes_back(part)
            self._settle()
            found["part"] = self._found("grants" in part) | {
                name: part[name] for name in ("back", "of", "reverse") if name in part
            }
            found["part"]["kept"] = found["part"].pop("points")
            self._all_comes_back()
            self._settle()
            found["nothing"] = self._found()
        return found

    def expected(self) -> dict[str, Any]:
        """What `play` should return, from the table."""
        case = self.case
        names = ("points", "referrer", "pending", "grants", "part")
        wanted = {name: case[name] for name in names if name in case}
        if "part" in case:
            wanted["nothing"] = {"points": {}}
            if "referrer" in case:
                wanted["nothing"]["referrer"] = {}
            if "grants" in case:
                wanted["nothing"]["grants"] = ["revoked"]
        return wanted

    def _somebody_new(self, about: dict[str, Any]) -> UUID:
        joins = self.now
        if about.pop("invited", False):
            about["referrer_code"] = self.api.get(f"/members/{ANNA}").json()["referral_code"]
            joins = datetime.fromisoformat(FRIDAY)  # not after they bought
        with clock.frozen(joins):
            return UUID(_done(self.api.post("/members", {"external_id": "C-new", **about}))["member_id"])

    def _happens(self, step: dict[str, Any], name: str) -> None:
        who = {"member": {"member_id": str(self.member)}}
        if "order" in step:
            _done(self.api.post("/orders", {**who, **_order(step["order"], name)}))
        elif "returned" in step:
            lines = step.get("lines")
            self._return(step["returned"], f"{name}-back", lines)
        elif "activity" in step:
            activity = {"at": FRIDAY, "attributes": {}, **step["activity"]}
            activity["occurred_at"] = activity.pop("at")
            _done(self.api.post("/activities", {**who, "activity_id": name, **activity}))

    def _return(self, order_id: str, return_id: str, lines: dict[str, str] | None) -> None:
        what: dict[str, Any] = {"all": True}
        if lines is not None:
            what = {"lines": [{"line_id": each, "quantity": quantity} for each, quantity in lines.items()]}
        _done(self.api.post(f"/orders/{order_id}/returns", {"return_id": return_id, **what}))

    def _comes_back(self, part: dict[str, Any]) -> None:
        if "reverse" in part:
            for entry in self._given(self.member):
                self._reverse(entry, {"points": part["reverse"], "reference": entry.rule})
        elif "of" in part:
            self._return(part["of"], "R-1", None)
        else:
            self._return(MAIN, "R-1", part["back"])

    def _all_comes_back(self) -> None:
        if "order" in self.case:
            self._return(MAIN, "R-2", None)
            return
        for entry in self._given(self.member):
            self._reverse(entry, {"reference": f"{entry.rule}-rest"})

    def _reverse(self, entry: Entry, what: dict[str, Any]) -> None:
        _done(self.api.post(f"/entries/{entry.id}/reverse", {"reason": "a mistake", **what}))

    def _found(self, grants: bool | None = None) -> dict[str, Any]:
        found: dict[str, Any] = {"points": self._held(self.member)}
        if "referrer" in self.case:
            found["referrer"] = self._held(ANNA)
        if "grants" in self.case if grants is None else grants:
            items = self.api.get(f"/members/{self.member}/grants").json()["items"]
            found["grants"] = [each["status"] for each in items]
        return found

    def _held(self, member: UUID) -> dict[str, int]:
        """What the case's own event left with a member, by rule: what it gave and what was taken back."""
        sums: Counter[str] = Counter()
        given = {entry.id: entry for entry in self._given(member)}
        for entry in given.values():
            sums[entry.rule] += entry.points
        for entry in Entry.objects.filter(reverses_id__in=given):
            sums[given[entry.reverses_id].rule] -= entry.points
        return {rule: points for rule, points in sums.items() if points}

    def _given(self, member: UUID) -> list[Entry]:
        references = [MAIN, str(self.member)] if self.case.get("enrolled") else [MAIN]
        found = Entry.objects.filter(kind="accrual", reference__in=references)
        return list(found.filter(account__member_id=member))

    def _settle(self) -> None:
        """What the worker does after each commit."""
        if self.watched:
            moments.settle_due(now=self.now)


def _order(spec: dict[str, Any], order_id: str) -> dict[str, Any]:
    order = {
        "order_id": order_id,
        "currency": "CNY",
        "ordered_at": spec.get("at", FRIDAY),
        "lines": [_line(row) for row in spec["lines"]],
    }
    return order | {name: spec[name] for name in ("channel", "attributes", "payments") if name in spec}


def _line(row: list[Any]) -> dict[str, Any]:
    line_id, category, price, quantity, discount, tags = (*row, *("1", "0", [])[len(row) - 3 :])
    return {
        "line_id": line_id,
        "category": category,
        "unit_price": price,
        "quantity": quantity,
        "discount": discount,
        "tags": tags,
    }


def _done(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.content
    body: dict[str, Any] = answer.json()
    return body
