"""Members who differ in what audiences ask about, and a colleague who decides."""

import pytest

from partners.auth import digest
from partners.models import ApiKey
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.conftest import base_rule, publish
from tests.support.client import Api
from tests.support.databases import FOUNDED

__all__ = ["base_rule", "publish"]


@pytest.fixture
def colleague(acme: Brand) -> Api:
    """Another partner of acme, whose key may do everything, too."""
    token = "lk_acmemate_" + "k" * 32
    with in_brand(acme):
        ApiKey.objects.create(
            name="mate", scopes=["*"], prefix=token[:11], digest=digest(token), created_at=FOUNDED
        )
    return Api("acme.localhost", token)
