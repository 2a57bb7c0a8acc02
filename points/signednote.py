"""Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint), signed with Ed25519. Pure.

A checkpoint's text is three lines: the log's origin, its size, its root in base64. The signature follows a
blank line; it names the key and begins with four bytes of the key's hash.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment: so many leaves, and this root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The lines that are signed, the last one ended too."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def key_hash(name: str, public: bytes) -> bytes:
    """The four bytes by which a signature tells its key."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """The public key in the one line by which tools for signed notes take it."""
    return f"{name}+{key_hash(name, public).hex()}+{b64encode(ED25519 + public).decode()}"


def new_key() -> tuple[bytes, bytes]:
    """A new private key and its public key, 32 bytes each."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def sign(text: str, private: bytes) -> bytes:
    """The 64 bytes of the signature."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(text.encode())


def verify(text: str, signature: bytes, public: bytes) -> bool:
    """Whether the signature over the text was made with that key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    except InvalidSignature:
        return False
    return True


def note(text: str, *, name: str, public: bytes, signature: bytes) -> str:
    """The text with its signature line."""
    line = b64encode(key_hash(name, public) + signature).decode()
    return f"{text}\n— {name} {line}\n"
