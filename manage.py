#!/usr/bin/env python
"""Django's command line. While `make up` runs it needs no environment variables: see var/dev.env."""

import os
import sys

# These change schemas and roles, so they log in as the database's owner (see tenants/roles.py).
OWNER_COMMANDS = frozenset(
    {
        "makemigrations",
        "migrate",
        "migrate_schemas",
        "migrate_brands",
        "create_brand",
        "seed_demo",
        "lintmigrations",
    }
)


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ["DB_LOGIN"] = "owner"
    # Here, so that settings see the login that was chosen above.
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
