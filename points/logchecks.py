"""`verify_ledger` looks into the transparency log: T1–T4, a stretch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Max

from loyalty.lib import clock, stretches
from loyalty.lib.checks import MOST_SHOWN, Outcome, Tell, invariant, silent
from loyalty.lib.stretches import Column, Search
from points import logstore, merkle, signednote
from points.models import Checkpoint, LogLeaf, LogNode, LogPosition

WINDOW = 20_000
PAGE = 1_000
LATE = timedelta(minutes=10)
"""Longer than this no entry waits for its leaf unless the sealer stands still."""


@invariant("T1", "every entry is in the transparency log, but for those of the last minutes")
def sealed(tell: Tell = silent) -> Outcome:
    """Each entry against its leaf."""
    columns = [Column("points_entry", "id"), Column("points_logleaf", "entry_id")]
    unsealed = Search(logstore.query("unsealed"), columns)
    found = stretches.search([unsealed], tell, {"late": clock.now() - LATE})
    return Outcome(stretches.rows("points_entry"), found)


@invariant("T2", "every sealed entry, its lots and what it took are what they were when they were sealed")
def unaltered(tell: Tell = silent) -> Outcome:
    """Each leaf against the hash of its entry as it stands."""
    columns = [
        Column("points_logleaf", "entry_id"),
        Column("points_lot", "id"),
        Column("points_consumption", "entry_id"),
    ]
    found = stretches.search([Search(logstore.query("altered"), columns)], tell)
    return Outcome(_size(), found)


@invariant("T3", "every checkpoint's root is that of the leaves, and so is every stored node")
def rooted(tell: Tell = silent) -> Outcome:
    """The tree built anew from its leaves, against checkpoints, nodes and the sealer's position."""
    size, growing, wrong = _size(), merkle.Frontier(), []
    signed_ones = _checkpoints()
    due = next(signed_ones, None)
    for first in range(0, size, WINDOW):
        hashes = logstore.leaf_hashes(first, first + WINDOW)
        if len(hashes) != min(WINDOW, size - first):
            wrong.append(f"leaves {first} to {first + WINDOW}: {len(hashes)} are there")
            break
        kept: list[merkle.Node] = []
        while hashes:
            here = hashes if due is None else hashes[: due.size - growing.size]
            kept += growing.extend(here)
            hashes = hashes[len(here) :]
            if due is not None and due.size == growing.size:
                if growing.root() != bytes(due.root):
                    wrong.append(f"checkpoint {due.size}: its root is not that of the leaves")
                due = next(signed_ones, None)
        wrong += _differing(kept)
        tell(min(first + WINDOW, size), size)
        if len(wrong) >= MOST_SHOWN:
            break
    if due is not None and not wrong:
        wrong.append(f"checkpoint {due.size}: the log has {size} leaves")
    if LogPosition.objects.exclude(size=size).exists():
        wrong.append(f"the sealer counts other leaves than the {size} that there are")
    return Outcome(size, wrong[:MOST_SHOWN])


@invariant("T4", "every checkpoint says what it signs, and is signed by the brand's key")
def signed(tell: Tell = silent) -> Outcome:
    """Each checkpoint's note against its size, root and signature."""
    wrong, count, of = [], 0, Checkpoint.objects.count()
    for row in _checkpoints():
        count += 1
        key = row.key
        text = signednote.Checkpoint(key.origin, row.size, bytes(row.root)).text()
        signature, public = bytes(row.signature), bytes(key.public)
        if row.note != signednote.note(text, name=key.origin, public=public, signature=signature):
            wrong.append(f"checkpoint {row.size}: the note says something else")
        elif not signednote.verify(text, signature, public):
            wrong.append(f"checkpoint {row.size}: the signature is not by the key")
        tell(count, of)
        if len(wrong) == MOST_SHOWN:
            break
    return Outcome(count, wrong)


def _size() -> int:
    """How many leaves there are, as the last one says."""
    last = LogLeaf.objects.aggregate(last=Max("index"))["last"]
    return 0 if last is None else last + 1


def _checkpoints() -> Iterator[Checkpoint]:
    """All checkpoints, the smallest first, a page at a time."""
    size = 0
    while page := list(
        Checkpoint.objects.select_related("key").filter(size__gt=size).order_by("size")[:PAGE]
    ):
        yield from page
        size = page[-1].size


def _differing(nodes: list[merkle.Node]) -> list[str]:
    """The nodes that are stored otherwise, in words."""
    wrong = []
    for level in sorted({node.level for node in nodes}):
        ours = {node.index: node.hash for node in nodes if node.level == level}
        stored = LogNode.objects.filter(level=level, index__gte=min(ours), index__lte=max(ours))
        found = {index: bytes(hashed) for index, hashed in stored.values_list("index", "hash")}
        if found != ours:
            wrong.append(
                f"nodes of level {level} from {min(ours)} to {max(ours)} are not those of the leaves"
            )
    return wrong
