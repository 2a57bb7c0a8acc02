"""The Merkle tree of RFC 6962 and RFC 9162, section 2.1: hashes, proofs, and what must be stored for them.

Pure: a proof is put together from `Nodes`, which reads hashes of complete subtrees from wherever they are.
Only every eighth level is kept, counted from the leaves: 257 nodes for 65,536 leaves. A level between is
computed from at most 128 hashes of the level kept below it. Nothing kept changes when the tree grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

TILE_HEIGHT = 8
TILE = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256().digest()


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree of 2**level leaves, the `index`-th of its level from the left, and its hash."""

    level: int
    index: int
    hash: bytes


class Nodes(Protocol):
    """Where the hashes of complete subtrees are kept."""

    def read(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """The hashes of `count` subtrees of 2**level leaves from number `first` on.

        `level` is a multiple of TILE_HEIGHT, and no call crosses a multiple of TILE.
        """
        ...


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append to it and to know its root.

    `peaks` are the hashes of the complete subtrees that the tree falls into, the largest first.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def extend(self, leaves: Iterable[bytes]) -> list[Node]:
        """Append leaf hashes, O(1) each on average; the nodes that became complete and are to be kept."""
        kept: list[Node] = []
        after: list[bytes] = []
        # Level by level: the new hashes of one, and its peak before them when there is one.
        row, first, level = list(leaves), self.size, 0
        self.size += len(row)
        while row:
            if level and level % TILE_HEIGHT == 0:
                kept += (Node(level, first + place, found) for place, found in enumerate(row))
            if first & 1:
                row.insert(0, self.peaks.pop())
            if len(row) & 1:
                after.append(row.pop())
            pairs = iter(row)
            row = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            first, level = first >> 1, level + 1
        self.peaks += reversed(after)
        return kept

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node_hash(peak, found)
        return found


def frontier(nodes: Nodes, size: int) -> Frontier:
    """The right edge of the tree of the first `size` leaves, in O(log size) reads."""
    peaks, begin = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            peaks.append(_subtree(nodes, level, begin >> level))
            begin += 1 << level
    return Frontier(size, peaks)


def root(nodes: Nodes, size: int) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return frontier(nodes, size).root()


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The audit path of leaf `index` in the tree of the first `size` leaves, nearest first.

    Raises ValueError unless 0 ≤ index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    siblings = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin = middle
    return [_span(nodes, *sibling) for sibling in reversed(siblings)]


def consistency_proof(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """What shows that the tree of the first `old` leaves is the beginning of that of the first `new`.

    Raises ValueError unless 0 < old ≤ new.
    """
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    siblings = []
    begin, end, whole = 0, new, True
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin, whole = middle, False
    if not whole:
        siblings.append((begin, end))
    return [_span(nodes, *sibling) for sibling in reversed(siblings)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether `proof` shows that leaf hash `leaf` stands at `index` in the tree of this size and root."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == expected


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows that the tree of `old` leaves is the beginning of that of `new` leaves."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(nodes: Nodes, level: int, index: int) -> bytes:
    """The hash of a complete subtree of any level."""
    height = level % TILE_HEIGHT
    hashes = list(nodes.read(level - height, index << height, 1 << height))
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _span(nodes: Nodes, begin: int, end: int) -> bytes:
    """The root over leaves `begin` to `end`, which a split of a larger tree left together."""
    count = end - begin
    if count & (count - 1) == 0:
        return _subtree(nodes, count.bit_length() - 1, begin // count)
    middle = begin + _split(count)
    return node_hash(_span(nodes, begin, middle), _span(nodes, middle, end))
