"""CPU per HTTP call, Python and Postgres apart, in one process without a network or a load generator.

On a busy machine time on the wall says little; CPU per call holds. `python -m bench.cpu` measures in a
process of its own, because the pool is part of the settings.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

from bench.figures import Figure

ROUNDS, WARM_UP = int(os.environ.get("CPU_ROUNDS", "3")), 60
PER_ROUND = int(os.environ.get("CPU_CALLS", "300"))
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU for one call."""

    python_ms: float
    postgres_ms: float
    engine_ms: float = 0.0
    """Of Python's, what judging the order by the rules took."""

    @property
    def total_ms(self) -> float:
        """Both together: what a machine has to give for one call."""
        return self.python_ms + self.postgres_ms

    def words(self) -> str:
        """The two, for a note."""
        both = f"Python {self.python_ms:.2f} ms + Postgres {self.postgres_ms:.2f} ms"
        share = self.engine_ms / self.total_ms
        return f"{both}, the rules {self.engine_ms:.2f} ms ({share:.0%})" if self.engine_ms else both


def measure() -> list[Figure]:
    """Calls per second of one CPU, each against the trivial read."""
    from bench import calls  # noqa: PLC0415 - settings come first

    key, measured = calls.prepare()
    environment = {**os.environ, "DB_POOL_SIZE": "1"}
    found: dict[str, Cost] = {}
    floor = _run(environment, key, "read")
    for each in measured:
        path = each.make(0).path.rsplit("/", 1)[1]
        body = json.loads(each.make(0).body or b"{}")
        found[each.name] = _run(environment, key, path, str(body.get("reward_id", "")))
    return [
        Figure(
            f"{each.name}, per CPU second",
            1000 / found[each.name].total_ms,
            1000 / floor.total_ms,
            each.gate,
            each.stretch,
            note=f"{found[each.name].words()}; floor {floor.words()}",
        )
        for each in measured
    ]


def _run(environment: dict[str, str], key: str, name: str, reward: str = "") -> Cost:
    done = subprocess.run(
        [sys.executable, "-m", "bench.cpu", key, name, reward],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


class _Caller:
    """Calls the WSGI application as a server does."""

    def __init__(self, key: str) -> None:
        from loyalty.wsgi import application  # noqa: PLC0415 - settings come first

        self._application, self._key = application, key
        self.pid = 0

    def __call__(self, call: Any) -> None:
        from bench import setting  # noqa: PLC0415

        body = call.body or b""
        environ = {
            "REQUEST_METHOD": call.method,
            "PATH_INFO": call.path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": f"{setting.SLUG}.localhost",
            "HTTP_AUTHORIZATION": f"Bearer {self._key}",
            "HTTP_ACCEPT": "*/*",
            "HTTP_ACCEPT_ENCODING": "gzip, deflate",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if call.key:
            environ["HTTP_IDEMPOTENCY_KEY"] = call.key
        answered: list[str] = []
        answer = self._application(environ, lambda status, headers, *_more: answered.append(status))
        content = b"".join(answer)
        if not self.pid:
            from django.db import connection  # noqa: PLC0415

            self.pid = connection.connection.info.backend_pid
        answer.close()
        assert answered[0].startswith("2"), (answered[0], content)


def _postgres_ms(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS


def cost(call: _Caller, made: list[Any], engine: "_Engine") -> Cost:
    """What these calls cost on average."""
    python, postgres, engine.seconds = time.process_time(), _postgres_ms(call.pid), 0.0
    for each in made:
        call(each)
    python, postgres = time.process_time() - python, _postgres_ms(call.pid) - postgres
    return Cost(python * 1000 / len(made), postgres / len(made), engine.seconds * 1000 / len(made))


class _Engine:
    """The processor time that judgements took, from when this was made."""

    def __init__(self) -> None:
        from campaigns.engine import RuleSet  # noqa: PLC0415 - settings come first

        self.seconds = 0.0
        judge = RuleSet.evaluate

        def evaluate(*args: Any, **more: Any) -> Any:
            began = time.thread_time()
            try:
                return judge(*args, **more)
            finally:
                self.seconds += time.thread_time() - began

        RuleSet.evaluate = evaluate  # type: ignore[method-assign]


def main(key: str, name: str, reward: str) -> None:
    """Measure one call and print its cost as JSON; with CPU_PROFILE, what Python spends it on."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    import django  # noqa: PLC0415

    django.setup()
    from bench import calls  # noqa: PLC0415

    makers = {
        "read": calls.read,
        "orders": calls.order,
        "burns": calls.burn,
        "redemptions": calls.redemption(reward),
    }
    make, call, engine = makers[name], _Caller(key), _Engine()
    for number in range(WARM_UP):
        call(make(number))
    rounds = [
        cost(call, [make(WARM_UP + PER_ROUND * n + number) for number in range(PER_ROUND)], engine)
        for n in range(ROUNDS)
    ]
    if "CPU_PROFILE" in os.environ:
        _profile(call, [make(number) for number in range(PER_ROUND)], os.environ["CPU_PROFILE"])
    best = min(rounds, key=lambda each: each.total_ms)
    print(json.dumps(asdict(best)))


def _profile(call: _Caller, made: list[Any], folder: str) -> None:
    import cProfile  # noqa: PLC0415

    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for each in made:
        call(each)
    profile.disable()
    profile.dump_stats(os.path.join(folder, made[0].path.strip("/").split("/")[-1] + ".prof"))


if __name__ == "__main__":
    main(*sys.argv[1:])
