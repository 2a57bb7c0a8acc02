"""`python -m loyalty.dev …`: what the Makefile calls."""

import argparse
import shutil
import sys
from collections.abc import Callable

from loyalty.dev import messages, postgres, testing, up
from loyalty.dev.places import ROOT, Places, up_places


def main(arguments: list[str]) -> int:
    """Run one of the developer's commands; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loyalty.dev", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the platform and keep it running")
    start.add_argument("--no-demo", action="store_true", help="without the demo brand")
    commands.add_parser("down", help="end a platform that runs in another terminal")
    commands.add_parser("clean", help="end it, and remove its data")
    commands.add_parser("messages", help="compile the translations")
    commands.add_parser("lint", help="every check that needs no running service")
    commands.add_parser("schema", help="write the OpenAPI documents")
    tests = commands.add_parser("test", help="run pytest with its own embedded services")
    tests.add_argument("arguments", nargs="*", metavar="ARG", help="for pytest, after --")
    chosen = parser.parse_args(arguments)
    if chosen.command == "test":
        return testing.main(chosen.arguments)
    actions: dict[str, Callable[[], int]] = {
        "up": lambda: up.main(up_places(), demo=not chosen.no_demo),
        "down": lambda: up.down(up_places()),
        "clean": clean,
        "messages": compile_messages,
        "lint": testing.lint,
        "schema": testing.schema,
    }
    return actions[chosen.command]()


def compile_messages() -> int:
    """Compile translations that are stale."""
    print(f"{messages.compile_stale()} translation files compiled")
    return 0


def clean() -> int:
    """End a running platform and remove `var`, with what had to be placed outside of it."""
    places = up_places()
    if places.folder.exists():
        code = up.down(places)
        if code:
            return code
        for memory in places.folder.glob("**/postgres.json"):  # of tests, benchmarks and drills too
            postgres.remove_outside(Places(memory.parent))
        shutil.rmtree(places.folder)
    shutil.rmtree(ROOT / "staticfiles", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
