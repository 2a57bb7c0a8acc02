"""RFC 6962: the reference vectors, every proof of every tree up to a hundred leaves, and no proof mended."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest

from points import merkle, verify_receipt

# The leaves and roots that Certificate Transparency logs are tested with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MOST = 100


class Kept:
    """The stored nodes of a tree in memory; counts how often it is read."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.frontier = merkle.Frontier()
        self.hashes = {(0, index): leaf for index, leaf in enumerate(leaves)}
        for node in self.frontier.extend(leaves):
            assert node.level % merkle.TILE_HEIGHT == 0
            assert (node.level, node.index) not in self.hashes
            self.hashes[node.level, node.index] = node.hash
        self.reads = 0

    def read(self, level: int, first: int, count: int) -> list[bytes]:
        assert first // merkle.TILE == (first + count - 1) // merkle.TILE
        self.reads += 1
        return [self.hashes[level, index] for index in range(first, first + count)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def numbered(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


@pytest.fixture(scope="module")
def tree() -> Kept:
    return Kept(numbered(MOST))


@pytest.fixture(scope="module")
def roots() -> list[bytes]:
    return [naive_root(numbered(size)) for size in range(MOST + 1)]


@pytest.mark.parametrize("size", range(9))
def test_reference_roots(size: int) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert naive_root(hashes).hex() == ROOTS[size]
    assert merkle.root(Kept(hashes), size).hex() == ROOTS[size]
    growing = merkle.Frontier()
    for leaf in hashes:
        growing.extend([leaf])
    assert growing.root().hex() == ROOTS[size]


A = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
B = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
E = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 8, [E, A, C]),
        (5, 8, [B, D, ROOTS[4]]),
        (2, 3, [ROOTS[2]]),
        (1, 5, [ROOTS[1], A, B]),
    ],
)
def test_reference_inclusion_proofs(index: int, size: int, path: list[str]) -> None:
    kept = Kept([merkle.leaf_hash(leaf) for leaf in LEAVES])
    assert [one.hex() for one in merkle.inclusion_proof(kept, index, size)] == path


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (1, 1, []),
        (1, 8, [E, A, C]),
        (6, 8, [F, D, ROOTS[4]]),
        (2, 5, [A, B]),
        (6, 7, [F, "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f", ROOTS[4]]),
    ],
)
def test_reference_consistency_proofs(old: int, new: int, path: list[str]) -> None:
    kept = Kept([merkle.leaf_hash(leaf) for leaf in LEAVES])
    assert [one.hex() for one in merkle.consistency_proof(kept, old, new)] == path


@pytest.mark.whole
def test_every_inclusion_up_to_a_hundred_is_proven_and_no_other(tree: Kept, roots: list[bytes]) -> None:
    leaves = numbered(MOST)
    for size in range(1, MOST + 1):
        assert merkle.root(tree, size) == roots[size]
        for index in range(size):
            proof = merkle.inclusion_proof(tree, index, size)
            for check in (merkle.verify_inclusion, verify_receipt.included):
                assert check(leaves[index], index, size, proof, roots[size])
                assert not check(leaves[index - 1], index, size, proof, roots[size]) or size == 1
                assert not check(leaves[index], index + 1, size, proof, roots[size])
                assert not check(leaves[index], index, size, proof, roots[size - 1])


def test_every_consistency_up_to_a_hundred_is_proven_and_no_other(tree: Kept, roots: list[bytes]) -> None:
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(tree, old, new)
            for check in (merkle.verify_consistency, verify_receipt.consistent):
                assert check(old, new, proof, roots[old], roots[new])
                assert not check(old, new, proof, roots[old - 1], roots[new])
                assert not check(old, new, proof, roots[old], roots[new - 1])


@pytest.mark.parametrize("new", [1, 2, 3, 7, 8, 9, 31, 64, 65, 100])
def test_a_proof_with_any_node_changed_left_out_or_added_fails(
    tree: Kept, roots: list[bytes], new: int
) -> None:
    leaves = numbered(MOST)

    def spoilt(proof: list[bytes]) -> list[list[bytes]]:
        flipped = bytes(32)
        return [
            *([*proof[:place], flipped, *proof[place + 1 :]] for place in range(len(proof))),
            *([*proof[:place], *proof[place + 1 :]] for place in range(len(proof))),
            *([*proof[:place], flipped, *proof[place:]] for place in range(len(proof) + 1)),
        ]

    for number in range(new):
        for proof in spoilt(merkle.inclusion_proof(tree, number, new)):
            for check in (merkle.verify_inclusion, verify_receipt.included):
                assert not check(leaves[number], number, new, proof, roots[new])
    for old in range(1, new + 1):
        for proof in spoilt(merkle.consistency_proof(tree, old, new)):
            for check in (merkle.verify_consistency, verify_receipt.consistent):
                assert not check(old, new, proof, roots[old], roots[new])


def test_a_large_tree_grows_by_parts_and_is_read_in_few_places() -> None:
    size = 70_001
    leaves = [number.to_bytes(32, "big") for number in range(size)]
    kept = Kept(leaves)
    # 273 complete subtrees of 256 leaves, one of 65,536: all that is kept besides the leaves.
    assert len(kept.hashes) - size == 273 + 1
    assert kept.frontier.root() == naive_root(leaves)
    resumed = merkle.frontier(kept, 65_000)
    resumed.extend(leaves[65_000:])
    assert (resumed.size, resumed.root()) == (size, kept.frontier.root())

    kept.reads = 0
    proof = merkle.inclusion_proof(kept, 12_345, size)
    assert merkle.verify_inclusion(leaves[12_345], 12_345, size, proof, kept.frontier.root())
    assert kept.reads <= 2 * size.bit_length()
    kept.reads = 0
    proof = merkle.consistency_proof(kept, 65_001, size)
    assert merkle.verify_consistency(65_001, size, proof, naive_root(leaves[:65_001]), kept.frontier.root())
    assert kept.reads <= 2 * size.bit_length()


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(tree: Kept, index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(tree, index, size)
    assert not merkle.verify_inclusion(numbered(1)[0], index, size, [], numbered(1)[0])


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 1)])
def test_sizes_the_wrong_way_round_have_no_proof(tree: Kept, roots: list[bytes], old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no proof"):
        merkle.consistency_proof(tree, old, new)
    assert not merkle.verify_consistency(old, new, [], roots[0], roots[0])
