"""Compile translations where they are missing or older than their source; needs no gettext on the machine."""

import os
from pathlib import Path

import polib

from loyalty.dev.places import ROOT


def stale(root: Path = ROOT) -> list[Path]:
    """The .po files whose .mo is missing or older."""
    found = []
    for source in sorted(root.glob("**/locale/*/LC_MESSAGES/*.po")):
        if any(
            part.startswith(".") or part in {"var", "node_modules"} for part in source.relative_to(root).parts
        ):
            continue
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime_ns < source.stat().st_mtime_ns:
            found.append(source)
    return found


def compile_stale(root: Path = ROOT) -> int:
    """Compile what is stale, each file replaced at one stroke; returns how many."""
    sources = stale(root)
    for source in sources:
        draft = source.with_suffix(f".mo.{os.getpid()}")
        polib.pofile(str(source)).save_as_mofile(str(draft))
        draft.replace(source.with_suffix(".mo"))
    return len(sources)


if __name__ == "__main__":
    print(f"{compile_stale()} translation files compiled")
