"""Checks a receipt of the points ledger, or that one checkpoint continues another, without any network.

    python verify_receipt.py receipt.json --key key.json
    python verify_receipt.py receipt.json --key key.json --older checkpoint.txt --consistency proof.json
    python verify_receipt.py --checkpoint newer.txt --key key.json --older older.txt --consistency proof.json

Copy this file to wherever you trust the computer: it needs Python 3.11 and the `cryptography` package, and
nothing else. `--key` is the brand's key as you got it from the brand long ago, not from the receipt.
It ends with 0: verified; 1: does not verify; 2: a file cannot be read or the arguments do not fit together.
"""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "loyalty-receipt-v1"


class Unusable(Exception):
    """A file that cannot be read as what it should be."""


class NotVerified(Exception):
    """What was to be proven is not."""


class Key(NamedTuple):
    """A public key and the name that it signs under."""

    name: str
    hash: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """A checkpoint whose signature was verified."""

    origin: str
    size: int
    root: bytes


# --- hashes and proofs: RFC 6962, section 2.1 -------------------------------------------------------------
def canonical(value: Any) -> bytes:
    """RFC 8785 for what occurs here: objects with ASCII names, text, whole numbers, null, lists."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def leaf_of(entry: Any, salt: str) -> bytes:
    """The leaf hash of an entry: SHA-256(0x00 ‖ canonical JSON of the entry and its salt)."""
    return sha256(b"\x00" + canonical({"entry": entry, "salt": salt})).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf stands at `index` in the tree of this size and root."""

    def rebuilt(index: int, size: int, path: Sequence[bytes]) -> bytes | None:
        if size == 1 or not path:
            return leaf if size == 1 and not path else None
        half = _split(size)
        left = index < half
        below = rebuilt(index if left else index - half, half if left else size - half, path[:-1])
        if below is None:
            return None
        return _node(below, path[-1]) if left else _node(path[-1], below)

    return 0 <= index < size and rebuilt(index, size, proof) == root


def consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree of `old` leaves is the beginning of the tree of `new` leaves."""

    def rebuilt(old: int, new: int, path: Sequence[bytes], whole: bool) -> tuple[bytes, bytes] | None:
        if old == new:
            if len(path) != (0 if whole else 1):
                return None
            return (old_root, old_root) if whole else (path[0], path[0])
        if not path:
            return None
        half = _split(new)
        if old <= half:
            below = rebuilt(old, half, path[:-1], whole)
            return None if below is None else (below[0], _node(below[1], path[-1]))
        below = rebuilt(old - half, new - half, path[:-1], False)
        return None if below is None else (_node(path[-1], below[0]), _node(path[-1], below[1]))

    return 0 < old <= new and rebuilt(old, new, proof, True) == (old_root, new_root)


# --- signed notes: C2SP signed-note and tlog-checkpoint ---------------------------------------------------
def read_key(line: str) -> Key:
    """A verifier key: name+hash+base64 of 0x01 and the Ed25519 public key. Raises Unusable."""
    try:
        name, digest, encoded = line.strip().split("+", 2)
        raw = b64decode(encoded, validate=True)
        given = bytes.fromhex(digest)
    except ValueError as error:
        raise Unusable(f"not a verifier key: {line.strip()[:80]!r}") from error
    hashed = sha256(name.encode() + b"\n" + raw).digest()[:4]
    if raw[:1] != b"\x01" or len(raw) != 33 or given != hashed or not name:
        raise Unusable(f"not an Ed25519 verifier key: {line.strip()[:80]!r}")
    return Key(name, hashed, raw[1:])


def open_checkpoint(note: str, keys: Sequence[Key]) -> Checkpoint:
    """The checkpoint in a signed note. Raises Unusable, or NotVerified if none of the keys signed it."""
    cut = note.rfind("\n\n")
    text, signatures = note[: cut + 1], note[cut + 2 :].splitlines()
    lines = text.split("\n")
    if cut < 0 or len(lines) < 4 or not lines[0]:
        raise Unusable("not a signed checkpoint")
    try:
        size, root = int(lines[1]), b64decode(lines[2], validate=True)
    except ValueError as error:
        raise Unusable("not a signed checkpoint") from error
    if str(size) != lines[1] or size < 0 or len(root) != 32:
        raise Unusable("not a signed checkpoint")
    if not any(_signed(text, line, key) for line in signatures for key in keys if key.name == lines[0]):
        raise NotVerified(f"the checkpoint of {lines[0]} with {size} leaves is not signed by the key given")
    return Checkpoint(lines[0], size, root)


def _signed(text: str, line: str, key: Key) -> bool:
    words = line.split(" ")
    if len(words) != 3 or words[0] != "—" or words[1] != key.name:
        return False
    try:
        raw = b64decode(words[2], validate=True)
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], text.encode())
    except (ValueError, InvalidSignature):
        return False
    return raw[:4] == key.hash


# --- what the files say -----------------------------------------------------------------------------------
def check_receipt(receipt: Any, keys: Sequence[Key]) -> tuple[Checkpoint, str]:
    """The receipt's checkpoint, and what it proves in words. Raises Unusable and NotVerified."""
    if not isinstance(receipt, dict) or receipt.get("format") != FORMAT:
        raise Unusable(f"not a receipt of the format {FORMAT}")
    try:
        entry, salt, index = receipt["entry"], receipt["salt"], receipt["leaf_index"]
        proof = [b64decode(text, validate=True) for text in receipt["proof"]]
        note = receipt["checkpoint"]
        moved = entry["direction"] * int(entry["points"])
        words = f"{moved:+d} {entry['currency']}, balance {entry['balance_after']}"
        words = f"entry {entry['entry']} ({entry['kind']}, {words}, {entry['effective_at']})"
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(f"the receipt lacks something: {error}") from error
    if type(index) is not int or not isinstance(salt, str) or not isinstance(note, str):
        raise Unusable("the receipt has something of a wrong type")
    checkpoint = open_checkpoint(note, keys)
    if not included(leaf_of(entry, salt), index, checkpoint.size, proof, checkpoint.root):
        raise NotVerified(
            "the entry is not in the log as the receipt has it: the entry, its place or the proof was altered"
        )
    # Left out they prove nothing; null says that there are none.
    if "details" in receipt and _hash_of(receipt["details"]) != entry.get("details"):
        raise NotVerified("reason, actor or explanation are not those that were sealed")
    return checkpoint, f"{words} is leaf {index} of {checkpoint.size} in {checkpoint.origin}"


def _hash_of(details: Any) -> str | None:
    return None if details is None else sha256(canonical(details)).hexdigest()


def check_consistency(one: Checkpoint, other: Checkpoint, proof: Any) -> str:
    """That the larger checkpoint continues the smaller, in words. Raises Unusable and NotVerified."""
    old, new = sorted((one, other), key=lambda checkpoint: checkpoint.size)
    try:
        hashes = [b64decode(text, validate=True) for text in (proof or {}).get("hashes", [])]
    except (AttributeError, TypeError, ValueError) as error:
        raise Unusable("not a consistency proof") from error
    if old.origin != new.origin:
        raise NotVerified(f"two different logs: {old.origin} and {new.origin}")
    if proof is None and 0 < old.size < new.size:
        raise Unusable("checkpoints of different sizes need the proof between them: --consistency")
    if old.size and not consistent(old.size, new.size, hashes, old.root, new.root):
        raise NotVerified(
            f"the log of {new.size} leaves does not continue the one of {old.size}: history was rewritten, "
            "or the proof is for other sizes"
        )
    return f"the log of {new.size} leaves continues the one of {old.size}"


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise Unusable(f"{path}: not JSON") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Unusable(f"{path}: {error}") from error


def _keys(path: Path) -> list[Key]:
    text = _text(path)
    if not text.lstrip().startswith("{"):
        return [read_key(line) for line in text.splitlines() if line.strip()]
    try:
        return [read_key(key["verifier_key"]) for key in _json(path)["keys"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{path}: not the answer of /api/v1/ledger/key") from error


def _checkpoint(path: Path, keys: Sequence[Key]) -> Checkpoint:
    text = _text(path)
    if text.lstrip().startswith("{"):
        kept = _json(path)
        text = kept.get("note") or kept.get("checkpoint")
        if not isinstance(text, str):
            raise Unusable(f"{path}: neither a checkpoint nor a receipt")
    return open_checkpoint(text, keys)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    about, *_usage = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog="Exit codes: 0 verified, 1 not, 2 unusable input."
    )
    parser.add_argument("receipt", nargs="?", type=Path, help="a receipt from the API or the console")
    parser.add_argument(
        "--key", required=True, type=Path, help="the brand's key: JSON of the API, or its line"
    )
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint instead of a receipt")
    parser.add_argument("--older", type=Path, help="another checkpoint, kept from earlier")
    parser.add_argument("--consistency", type=Path, help="the proof between the two, from the API")
    found = parser.parse_args(arguments)
    if (found.receipt is None) == (found.checkpoint is None):
        parser.error("give a receipt, or a --checkpoint")
    if found.consistency is not None and found.older is None:
        parser.error("--consistency needs --older")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the arguments name, and say so; the exit code."""
    asked = _arguments(arguments)
    try:
        keys = _keys(asked.key)
        told = []
        if asked.receipt is not None:
            checkpoint, words = check_receipt(_json(asked.receipt), keys)
            told.append(words)
        else:
            checkpoint = _checkpoint(asked.checkpoint, keys)
            told.append(f"checkpoint of {checkpoint.origin} with {checkpoint.size} leaves is signed")
        if asked.older is not None:
            proof = None if asked.consistency is None else _json(asked.consistency)
            told.append(check_consistency(_checkpoint(asked.older, keys), checkpoint, proof))
    except NotVerified as error:
        sys.stderr.write(f"NOT VERIFIED: {error}\n")
        return 1
    except Unusable as error:
        sys.stderr.write(f"UNUSABLE: {error}\n")
        return 2
    sys.stdout.writelines(f"VERIFIED: {words}\n" for words in told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
