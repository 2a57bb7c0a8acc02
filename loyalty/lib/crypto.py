"""Secrets at rest: Fernet with keys from the environment, the first encrypts, all decrypt (rotation)."""

from functools import cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@cache
def _box() -> MultiFernet:
    return MultiFernet([Fernet(key.encode()) for key in settings.FIELD_KEYS])


def seal(plain: str) -> str:
    """The text encrypted and authenticated, as ASCII."""
    return _box().encrypt(plain.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that `seal` was given. Raises cryptography.fernet.InvalidToken on a wrong key or a forgery."""
    return _box().decrypt(sealed.encode()).decode()
