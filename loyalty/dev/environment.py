"""The environment of an instance: secrets made once, database roles, and the file that `manage.py` reads."""

import base64
import os
import secrets as random
import sys
from collections.abc import Mapping

from psycopg import sql

from loyalty.dev.places import ROOT, Places, read_json, write_json, write_private
from loyalty.dev.postgres import Postgres

DATABASE = "loyalty"
OWNER = "loyalty_owner"
APP = "loyalty_app"


def secrets(places: Places) -> dict[str, str]:
    """The passwords and keys of this instance; what is missing is made now and kept."""
    known = {key: str(value) for key, value in read_json(places.secrets_file).items()}
    made = {
        name: random.token_urlsafe(24) for name in ("postgres", "owner", "app", "redis") if name not in known
    }
    if "secret_key" not in known:
        made["secret_key"] = random.token_urlsafe(48)
    if "field_key" not in known:
        made["field_key"] = base64.urlsafe_b64encode(random.token_bytes(32)).decode()
    if made:
        known |= made
        write_json(places.secrets_file, known)
    return known


def prepare_database(server: Postgres, known: Mapping[str, str], *, for_tests: bool) -> None:
    """Make the database, its owner (migrations, provisioning) and the login of web and worker.

    The login role has no right on any brand's schema of its own; see tenants/roles.py. Safe to repeat.
    Tests need no database here, but an owner who can create some and switch triggers off.
    """
    with server.connect(known["postgres"]) as connection:
        for role, attributes in ((OWNER, "CREATEROLE"), (APP, "NOINHERIT")):
            name = sql.Identifier(role)
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(name))
            password = known["owner" if role == OWNER else "app"]
            statement = sql.SQL("ALTER ROLE {} LOGIN " + attributes + " PASSWORD {}")
            connection.execute(statement.format(name, sql.Literal(password)))
        owner, database = sql.Identifier(OWNER), sql.Identifier(DATABASE)
        if for_tests:
            connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(owner))
            connection.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(owner))
            return
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(APP))
        )


def write_env_file(places: Places, values: Mapping[str, str]) -> None:
    """Write the settings down for other terminals, readable for this user alone."""
    text = "# Written by `make up` at each start; read by loyalty/settings.py while LOYALTY_ENV is unset.\n"
    write_private(places.env_file, text + "".join(f"{key}={value}\n" for key, value in values.items()))


def for_child(values: Mapping[str, str], **more: str) -> dict[str, str]:
    """The environment of a process of this instance."""
    colour = {"FORCE_COLOR": "1"} if sys.stdout.isatty() and "NO_COLOR" not in os.environ else {}
    inherited = dict(os.environ)
    if inherited.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Whoever wants no __pycache__ folders has them elsewhere: compiling everything in each of our
        # processes anew costs seconds of every start.
        inherited.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / "var" / "pycache"))
    return {**inherited, "PYTHONUNBUFFERED": "1", **colour, **values, **more}
