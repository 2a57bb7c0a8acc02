"""The embedded servers: made once, started anywhere, with roles that keep brands apart."""

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from loyalty.dev import environment, ports, postgres, valkey
from loyalty.dev.places import Places
from loyalty.dev.postgres import PostgresError
from tests.dev.conftest import Cluster


def login(cluster: Cluster, role: str, password: str) -> psycopg.Connection:
    return psycopg.connect(cluster.server.dsn(role, password, environment.DATABASE), autocommit=True)


def test_the_application_login_has_no_right_on_a_brands_schema(cluster: Cluster) -> None:
    environment.prepare_database(cluster.server, cluster.secrets, for_tests=False)
    environment.prepare_database(cluster.server, cluster.secrets, for_tests=False)  # safe to repeat
    with login(cluster, environment.OWNER, cluster.secrets["owner"]) as owner:
        owner.execute("CREATE SCHEMA acme CREATE TABLE entry (id int)")
        owner.execute("CREATE ROLE loyalty_b_acme NOLOGIN NOINHERIT")
        owner.execute("GRANT loyalty_b_acme TO loyalty_app WITH INHERIT FALSE, SET TRUE")
        owner.execute("GRANT USAGE ON SCHEMA acme TO loyalty_b_acme")
        owner.execute("GRANT SELECT ON acme.entry TO loyalty_b_acme")
    with login(cluster, environment.APP, cluster.secrets["app"]) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT * FROM acme.entry")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE SCHEMA mine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE ROLE mine")
        app.execute("SET ROLE loyalty_b_acme")
        assert app.execute("SELECT count(*) FROM acme.entry").fetchone() == (0,)


def test_nobody_gets_in_without_the_password(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.server.dsn("postgres", "wrong", "postgres"))
    assert oct(cluster.places.secrets_file.stat().st_mode & 0o777) == "0o600"


def test_it_has_the_locale_and_encoding_that_production_has(cluster: Cluster) -> None:
    with cluster.server.connect(cluster.secrets["postgres"]) as connection:
        row = connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database"
            " WHERE datname = 'postgres'"
        ).fetchone()
    assert row == ("b", "C.UTF-8", "UTF8")


def test_a_crash_and_a_stale_lock_file_do_not_block_the_next_start(cluster: Cluster) -> None:
    with cluster.server.connect(cluster.secrets["postgres"]) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("CHECKPOINT")
    cluster.end(signal.SIGKILL)
    lock = cluster.server.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # a pid that now is somebody else's
    cluster.start()
    with cluster.server.connect(cluster.secrets["postgres"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_server_that_still_runs_on_the_folder_is_ended_first(cluster: Cluster) -> None:
    old = cluster.process
    assert old is not None
    cluster.process = None
    cluster.start()
    assert old.wait(5) == 0
    assert cluster.server.initialise("ignored") is False


@pytest.mark.whole
def test_half_made_folders_are_made_anew_and_foreign_ones_are_refused(places: Places) -> None:
    server = postgres.place(places, port=ports.choose(places, "postgres"), durable=False)
    draft = server.data.with_name("pg.new")
    draft.mkdir()
    (draft / "base").mkdir()
    assert server.initialise("secret") is True
    assert not draft.exists()
    (server.data / "PG_VERSION").unlink()
    with pytest.raises(PostgresError, match="is not a database folder"):
        server.initialise("secret")
    postgres.remove_outside(places)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone starts Postgres as somebody else")
def test_what_roots_postgres_cannot_reach_is_placed_outside_and_removed_with_it(places: Places) -> None:
    assert oct(places.folder.parent.stat().st_mode & 0o777) == "0o700"  # pytest's own folder
    server = postgres.place(places, port=5432, durable=True)
    outside = server.data.parent
    assert places.folder not in server.data.parents
    assert server.account.can("-x", outside)
    again = postgres.place(places, port=5432, durable=True)
    server.data.mkdir()
    assert postgres.place(places, port=5432, durable=True).data == again.data == server.data
    postgres.remove_outside(places)
    assert not outside.exists()


@pytest.mark.whole
def test_valkey_wants_its_password_and_keeps_it_out_of_the_process_list(places: Places) -> None:
    server = valkey.place(places, port=ports.choose(places, "redis"), password="open-sesame", durable=False)
    argv = server.argv()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        server.wait_ready()
        assert redis.Redis.from_url(server.url()).ping() is True
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port).ping()
        assert "open-sesame" not in " ".join(argv)
        assert oct(Path(argv[1]).stat().st_mode & 0o777) == "0o600"
    finally:
        process.terminate()
        process.wait(10)
