"""Ports, private files, translations, settings of an instance, and the virtual environment's stamp."""

import gettext
import importlib.util
import os
import socket
from pathlib import Path
from types import ModuleType

import pytest

from loyalty.dev import environment, locks, messages, ports, up
from loyalty.dev.places import ROOT, Places, read_json, write_json, write_private

PO = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "points"
msgstr "积分"

#, fuzzy
msgid "member"
msgstr "错的"
"""


def test_a_port_is_kept_while_it_is_free(places: Places) -> None:
    first = ports.choose(places, "web")
    assert ports.choose(places, "web", 1) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        second = ports.choose(places, "web")
    assert second != first
    assert ports.choose(places, "web") == second


def test_a_port_that_another_part_remembers_is_not_given_away(places: Places) -> None:
    first = ports.choose(places, "postgres")
    assert ports.choose(places, "redis", first) != first


def test_private_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_torn_or_missing_file_reads_as_empty(tmp_path: Path, content: str) -> None:
    assert read_json(tmp_path / "none") == {}
    (tmp_path / "torn").write_text(content)
    assert read_json(tmp_path / "torn") == {}


def test_secrets_are_made_once_and_missing_ones_added(places: Places) -> None:
    first = environment.secrets(places)
    assert environment.secrets(places) == first
    assert len(first["secret_key"]) >= 48
    write_json(places.secrets_file, {"owner": "kept"})
    assert environment.secrets(places)["owner"] == "kept"
    assert environment.secrets(places)["app"] != first["app"]


def test_translations_are_compiled_without_gettext_and_only_when_stale(tmp_path: Path) -> None:
    folder = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(PO)
    assert messages.compile_stale(tmp_path) == 1
    assert messages.compile_stale(tmp_path) == 0
    with (folder / "django.mo").open("rb") as compiled:
        found = gettext.GNUTranslations(compiled)
    assert found.gettext("points") == "积分"
    assert found.gettext("member") == "member"  # fuzzy: not yet checked by a person
    later = (folder / "django.mo").stat().st_mtime + 5
    os.utime(folder / "django.po", (later, later))
    assert messages.compile_stale(tmp_path) == 1


def test_a_lock_has_one_holder(places: Places) -> None:
    held = locks.take(places)
    assert held is not None
    assert locks.take(places) is None
    held.close()
    again = locks.take(places)
    assert again is not None
    again.close()


def test_given_services_are_used_instead_of_embedded_ones(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/x")
    monkeypatch.setenv("REDIS_URL", "redis://cache/0")
    monkeypatch.setenv("PORT", str(ports.any_free()))
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    chosen = up.plan(places)
    assert (chosen.postgres, chosen.valkey) == (None, None)
    assert chosen.values["DATABASE_URL"] == "postgresql://app@db/x"
    assert chosen.values["DATABASE_OWNER_URL"] == "postgresql://app@db/x"
    assert chosen.values["REDIS_URL"] == "redis://cache/0"
    assert chosen.values["PORT"] == os.environ["PORT"]
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@db/x")
    assert up.plan(places).values["DATABASE_OWNER_URL"] == "postgresql://owner@db/x"


@pytest.mark.parametrize(
    ("port", "why"), [("http", "is not a port"), ("70000", "is not a port"), ("0", "not a port")]
)
def test_a_bad_port_is_refused(places: Places, monkeypatch: pytest.MonkeyPatch, port: str, why: str) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/x")
    monkeypatch.setenv("REDIS_URL", "redis://cache/0")
    monkeypatch.setenv("PORT", port)
    with pytest.raises(up.UpError, match=why):
        up.plan(places)


def test_a_taken_port_is_refused_with_a_way_out(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/x")
    monkeypatch.setenv("REDIS_URL", "redis://cache/0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        with pytest.raises(up.UpError, match=r"Choose another: make up PORT="):
            up.plan(places)


def test_a_second_start_tells_where_the_first_is(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    held = locks.take(places)
    write_json(places.running_file, {"pid": 1, "address": "http://localhost:8123/"})
    assert up.main(places) == 0
    assert capsys.readouterr().out.splitlines()[0] == "The platform runs already: http://localhost:8123/"
    assert held is not None
    held.close()


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that makes .venv, working on a folder of the test."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "loyalty" / "dev" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "dev.txt").write_text("django==5\n")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / ".stamp")
    monkeypatch.setattr(module, "LOCK_FILE", tmp_path / "dev.txt")
    return module


def test_the_virtual_environment_is_made_anew_only_when_it_must(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    assert bootstrap.is_ready() is False
    bootstrap.venv.create(tmp_path / ".venv", with_pip=False, symlinks=True)
    assert bootstrap.runs() is True
    assert bootstrap.is_ready() is False  # cut off before the stamp was written
    bootstrap.STAMP.write_text(bootstrap.wanted_stamp())
    assert bootstrap.is_ready() is True
    (tmp_path / "dev.txt").write_text("django==6\n")
    assert bootstrap.is_ready() is False  # another lock file: install into what is there
    assert bootstrap.runs() is True
    bootstrap.STAMP.write_text(bootstrap.wanted_stamp().replace(str(tmp_path), "/elsewhere"))
    assert bootstrap.runs() is False  # moved: its scripts name the old place
    (tmp_path / ".venv" / "bin" / "python").unlink()
    assert bootstrap.runs() is False
