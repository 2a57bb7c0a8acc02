"""The programs that make up the platform, and how each is started in development."""

import signal
import sys
from collections.abc import Mapping

from loyalty.dev.environment import for_child
from loyalty.dev.places import ROOT, Places
from loyalty.dev.postgres import Postgres, plain_environment
from loyalty.dev.supervisor import Service
from loyalty.dev.valkey import Valkey

WEB_WORKERS = 2
WEB_THREADS = 8
# A program that needs nothing of the project, and does not find its neighbours' names either.
SCRIPT = [sys.executable, "-P"]


def postgres(server: Postgres) -> Service:
    """The embedded database; SIGINT is its fast and clean end."""
    return Service(
        "postgres",
        server.argv(),
        plain_environment(),
        stage=0,
        stop_signal=signal.SIGINT,
        cwd="/",
        account=server.account.arguments(),
        before_start=server.clear_stale_lock,
    )


def valkey(server: Valkey) -> Service:
    """The embedded broker and cache."""
    return Service("redis", server.argv(), plain_environment(), stage=0, stop_s=3)


def web(values: Mapping[str, str], places: Places) -> Service:
    """The web server: several processes, whose metrics are gathered in one folder."""
    metrics = places.run / "metrics"

    def empty_metrics() -> None:
        metrics.mkdir(parents=True, exist_ok=True)
        for path in metrics.glob("*.db"):
            path.unlink(missing_ok=True)

    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", values["HOST"]]
    argv += ["--port", values["PORT"], "--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS)]
    argv += ["--workers-kill-timeout", "3", "--respawn-failed-workers", "--log-level", "error"]
    argv += ["loyalty.wsgi:application"]
    env = for_child(values, DB_POOL_SIZE=str(WEB_THREADS), PROMETHEUS_MULTIPROC_DIR=str(metrics))
    return Service("web", argv, env, before_start=empty_metrics)


def worker(values: Mapping[str, str]) -> Service:
    """Celery's workers; a task that is cut off by the end is done again by the next start."""
    return _celery_worker("worker", values)


def reader(values: Mapping[str, str]) -> Service:
    """Celery's workers for what reads for minutes: simulations, the verification on its schedule."""
    return _celery_worker("reader", values, "--queues", "reading", "--hostname", "reader@%h")


def _celery_worker(name: str, values: Mapping[str, str], *more: str) -> Service:
    argv = [sys.executable, "-m", "celery", "--quiet", "-A", "loyalty", "worker", "--pool", "prefork"]
    argv += ["--concurrency", "2", "--without-gossip", "--without-mingle", *more]
    # Root is fine here: tasks come as JSON from a broker with a password.
    return Service(name, argv, for_child(values, PYTHONWARNINGS="ignore:You're running the worker"))


def beat(values: Mapping[str, str], places: Places) -> Service:
    """Celery's clock."""
    argv = [sys.executable, "-m", "celery", "--quiet", "-A", "loyalty", "beat", "--pidfile", ""]
    argv += ["--schedule", str(places.run / "celerybeat-schedule")]
    return Service("beat", argv, for_child(values), stop_s=3)


def dispatcher(values: Mapping[str, str]) -> Service:
    """The sender of webhooks."""
    return Service("webhooks", [sys.executable, "manage.py", "dispatch_webhooks"], for_child(values))


def wechat(values: Mapping[str, str]) -> Service:
    """The stand-in for WeChat's API."""
    argv = [*SCRIPT, str(ROOT / "loyalty" / "dev" / "wechat_sandbox.py")]
    argv += ["--port", values["WECHAT_SANDBOX_PORT"]]
    return Service("wechat", argv, for_child(values), stop_s=2)


def channels(values: Mapping[str, str]) -> Service:
    """The stand-in for the providers of messages."""
    argv = [*SCRIPT, str(ROOT / "loyalty" / "dev" / "channel_sandbox.py")]
    argv += ["--port", values["CHANNEL_SANDBOX_PORT"]]
    return Service("channels", argv, for_child(values), stop_s=2)


def mail(values: Mapping[str, str]) -> Service:
    """The stand-in for a mail server."""
    argv = [*SCRIPT, str(ROOT / "loyalty" / "dev" / "mail_sandbox.py")]
    argv += ["--port", values["MAIL_SANDBOX_PORT"]]
    return Service("mail", argv, for_child(values), stop_s=2)


def receiver(values: Mapping[str, str], places: Places) -> Service:
    """The demo's receiver of webhooks."""
    argv = [*SCRIPT, str(ROOT / "loyalty" / "dev" / "receiver.py"), "--port", values["DEMO_RECEIVER_PORT"]]
    argv += ["--secret-file", str(places.folder / "demo-webhook-secret")]
    return Service("receiver", argv, for_child(values), stop_s=2)


def others(values: Mapping[str, str], places: Places) -> list[Service]:
    """All that runs on top of the databases, beside the web server."""
    return [
        worker(values),
        reader(values),
        dispatcher(values),
        beat(values, places),
        wechat(values),
        channels(values),
        mail(values),
        receiver(values, places),
    ]
