"""What the pictures show and the demo lacks, made through its API as a partner would. Safe to repeat."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from loyalty.dev.places import up_places

BUYERS: Final = 40
DAYS: Final = 6
"""How long the campaign has been running, and the purchases are spread over."""
STORES: Final = ("S31742", "S32004", "S320", "S330")
"""Some of the demo's own."""
WAIT_S: Final = 90
COUNTED_S: Final = 8
"""What a campaign gave is counted some seconds behind its orders."""
DOUBLE: Final[dict[str, Any]] = {
    "code": "double-now",
    "name": {"zh-hans": "双倍积分周", "en": "Double-points week"},
    "kind": "double_points",
    "multiplier": "2",
    "budget_points": 2_500,
    "control_percent": 20,
    "announcement": {"zh-hans": "本周双倍", "en": "Double this week"},
}
EXCHANGE: Final[dict[str, Any]] = {
    "code": "exchange-day",
    "name": {"zh-hans": "兑换日", "en": "Exchange day"},
    "kind": "exchange_day",
    "discount": {"percent": 20},
    "budget_points": 20_000,
}
MEMBER_DAY: Final[dict[str, Any]] = {
    "code": "member-day",
    "name": {"zh-hans": "每月 8 日会员日", "en": "Member day on the 8th"},
    "kind": "member_day",
    "rrule": "FREQ=MONTHLY;BYMONTHDAY=8",
    "multiplier": "1.5",
}
SIMULATED: Final[dict[str, Any]] = {
    "code": "weekend-half",
    "name": {"zh-hans": "周末多一半", "en": "Half more at weekends"},
    "trigger": "order.paid",
    "schedule": {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"},
    "effect": {"type": "multiplier", "factor": "1.5"},
}


class Stage:
    """The demo brand's API."""

    def __init__(self, base: str) -> None:
        # No resolver need know the demo's host: it is this machine.
        self.host = base.removeprefix("http://")
        self.base = f"http://127.0.0.1:{self.host.partition(':')[2]}/api/v1"
        self.key = (up_places().folder / "demo-api-key").read_text(encoding="utf-8").strip()

    def set_up(self) -> str:
        """Make everything; the id of the simulation."""
        today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0) - timedelta(days=1)
        began, over = today - timedelta(days=DAYS), today + timedelta(days=370)
        for body, start, until in (
            (DOUBLE, began, today + timedelta(days=2)),
            (EXCHANGE, today, today + timedelta(days=2)),
            (MEMBER_DAY, today, over),
        ):
            times = {"starts_at": start.isoformat(), "ends_at": until.isoformat()}
            if "code" in self.call("/campaigns", {**body, **times}):
                self.call(f"/campaigns/{body['code']}/start", {})
        job = self._simulate()
        self._buy()
        time.sleep(COUNTED_S)
        return job

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer, also where the call is refused because it was made before."""
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Host": self.host,
        }
        request = urllib.request.Request(self.base + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code != 409:
                raise RuntimeError(f"{path}: {refused.code} {refused.read().decode()[:500]}") from refused
            found = {}
        return found

    def _buy(self) -> None:
        """A few small baskets on each day of the campaign: none stands out among the demo's own."""
        members = self.call(f"/members?limit={BUYERS}")["items"]
        for number, member in enumerate(members):
            line = {"sku": f"P-{number % 7}", "quantity": "1", "unit_price": str(9 + 2 * (number % 13))}
            bought = datetime.now(UTC) - timedelta(days=number % DAYS, hours=1 + number % 5)
            self.call(
                "/orders",
                {
                    "order_id": f"stage-{number}",
                    "member": {"member_id": member["member_id"]},
                    "ordered_at": bought.isoformat(),
                    "channel": ("store", "online", "miniprogram")[number % 3],
                    "store_id": STORES[number % len(STORES)],
                    "currency": "CNY",
                    "lines": [{**line, "category": "fresh"}],
                },
            )

    def _simulate(self) -> str:
        job = str(self.call("/earning-rules/simulate", {"rules": [SIMULATED]})["job_id"])
        ends = time.monotonic() + WAIT_S
        while self.call(f"/jobs/{job}")["status"] in ("queued", "running") and time.monotonic() < ends:
            time.sleep(1)
        return job
