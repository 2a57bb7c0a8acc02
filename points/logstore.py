"""The transparency log as it is stored: its queries, its nodes, its newest checkpoint and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from loyalty.lib.database import connection
from points import merkle
from points.models import Checkpoint, LogKey, LogLeaf, LogNode

FOLDER = Path(__file__).parent / "sql" / "log"
HASH_BYTES = 32


@cache
def query(name: str, batch: str = "") -> str:
    """The text of a query of `sql/log/`, with how a leaf is hashed and which batch is meant put in.

    At first leaves had a hash of details where there were none, too (docs/adr/0060-the-transparency-log.md).
    """
    text, leaf = _text(name), _text("leaf")
    text = text.replace("/*leaf*/", leaf)
    text = text.replace("/*first leaf*/", leaf.replace("/*without words*/", "AND false"))
    text = text.replace("/*lot*/", _text("lot"))
    return text.replace("/*batch*/", _text(batch) if batch else "")


def _text(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def rows(name: str, values: Mapping[str, Any], *, batch: str = "") -> list[tuple[Any, ...]]:
    """What the named query finds."""
    with connection.cursor() as cursor:
        cursor.execute(query(name, batch), values)
        return list(cursor.fetchall())


class Nodes:
    """The stored hashes, read a tile at a time and remembered; for trees of up to `size` leaves."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._tiles: dict[tuple[int, int], Sequence[bytes]] = {}

    def read(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """As merkle.Nodes says."""
        tile, place = divmod(first, merkle.TILE)
        found = self._tiles.get((level, tile))
        if found is None:
            found = self._tiles[level, tile] = self._tile(level, tile * merkle.TILE)
        return found[place : place + count]

    def _tile(self, level: int, first: int) -> Sequence[bytes]:
        end = min(first + merkle.TILE, self.size >> level)
        kept = LogNode.objects.filter(level=level) if level else LogLeaf.objects.all()
        found = kept.filter(index__gte=first, index__lt=end).order_by("index").values_list("hash", flat=True)
        return [bytes(hashed) for hashed in found]


def leaf_hashes(first: int, end: int) -> list[bytes]:
    """The hashes of the leaves from number `first` to before `end`, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(string_agg(hash, ''::bytea ORDER BY index), ''::bytea) FROM points_logleaf "
            "WHERE index >= %s AND index < %s",
            [first, end],
        )
        return split(bytes(cursor.fetchone()[0]))


def split(joined: bytes) -> list[bytes]:
    """Hashes that the database put one behind the other."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def newest_key() -> LogKey | None:
    """The key that signs, or None before the first sealing."""
    return LogKey.objects.order_by("-created_at", "-id").first()


def newest_checkpoint() -> Checkpoint | None:
    """The checkpoint over most leaves, or None before the first."""
    return Checkpoint.objects.order_by("-size").first()
