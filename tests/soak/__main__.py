"""`python -m tests.soak NAME …`: one drill, on the servers of the environment (`make soak` starts them)."""

import importlib
import os
import sys

import django

NAMES = ("model", "races", "bank", "faults", "rules", "replay", "wakeup", "fair")


def main(arguments: list[str]) -> int:
    """Set Django up, then run the drill; its exit code."""
    if not arguments or arguments[0] not in NAMES:
        sys.stderr.write(f"one of {', '.join(NAMES)}\n")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    django.setup()
    # Only now: what the drills are made of are models.
    drill = importlib.import_module(f"tests.soak.{arguments[0]}")
    return int(drill.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
