"""The fixtures of orders serve here too."""

from tests.orders.conftest import base_rule, publish

__all__ = ["base_rule", "publish"]
