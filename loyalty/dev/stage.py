"""What the pictures show and the demo lacks, made through its API as a partner would."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from loyalty.dev.places import up_places

WAIT_S: Final = 90
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

    def simulation(self) -> str:
        """Simulate half more points at weekends on the last month's orders; the id of the simulation."""
        job = str(self.call("/earning-rules/simulate", {"rules": [SIMULATED]})["job_id"])
        ends = time.monotonic() + WAIT_S
        while self.call(f"/jobs/{job}")["status"] in ("queued", "running") and time.monotonic() < ends:
            time.sleep(1)
        return job
