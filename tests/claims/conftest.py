"""Members of acme who claim what a till recorded without them."""

import pytest

from tests.orders.conftest import base_rule, publish
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

__all__ = ["base_rule", "publish"]


@pytest.fixture
def anna() -> Api:
    """Anna's own calls."""
    return signed_in("acme", ANNA)


@pytest.fixture
def boris() -> Api:
    """Those of another member."""
    return signed_in("acme", BORIS)
