"""The rules of orders serve here too."""

from tests.orders.conftest import publish

__all__ = ["publish"]
