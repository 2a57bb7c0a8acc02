"""Enrolling and signing in at the same time: real threads, real commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from loyalty.dev import wechat_sandbox
from loyalty.lib import clock
from members import tokens
from members.models import Identity, Member, RefreshToken, SigningKey
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.members.conftest import enable
from tests.support import brands
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.support.sessions import PREFIX

THREADS = 12


@pytest.fixture
def brand(committed_db: None) -> Brand:
    return Brand.objects.get(slug="acme")


def at_once(call: Callable[[], Any]) -> list[Any]:
    """The same call from many threads, all let go together."""
    gate = Barrier(THREADS)

    def run(_number: int) -> Any:
        try:
            with clock.frozen(NOW):
                gate.wait(20)
                return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_one_person_at_many_tills_is_one_member(brand: Brand) -> None:
    body = {"external_id": "C123", "card_no": "77"}
    answers = at_once(lambda: Api("acme.localhost", brands.key("acme")).post("/members", body))
    assert sorted(a.status_code for a in answers) == [200] * (THREADS - 1) + [201]
    assert len({a.json()["member_id"] for a in answers}) == 1
    with in_brand(brand):
        assert Identity.objects.filter(subject__in=["C123", "77"]).count() == 2


def test_first_sign_ins_make_one_member_and_one_key(brand: Brand, wechat_address: str, settings: Any) -> None:
    settings.WECHAT_API_URL = wechat_address
    enable(brand, wechat_sandbox.APP_ID, wechat_sandbox.SECRET)
    answers = at_once(
        lambda: Api("acme.localhost", None, prefix=PREFIX).post("/auth/wechat", {"code": "demo-many"})
    )
    assert [a.status_code for a in answers] == [200] * THREADS
    assert [a.json()["new_member"] for a in answers].count(True) == 1
    assert len({a.json()["member_id"] for a in answers}) == 1
    with in_brand(brand):
        assert SigningKey.objects.count() == 1
        assert RefreshToken.objects.count() == THREADS


def test_a_refresh_token_sent_many_times_at_once_ends_its_session(brand: Brand) -> None:
    with in_brand(brand):
        key = tokens.signing_key(NOW)
        member = Member.objects.get(pk=ANNA)
        token = tokens.start(member=member, key=key, device_id="", now=NOW).refresh_token
    answers = at_once(
        lambda: Api("acme.localhost", None, prefix=PREFIX).post("/auth/refresh", {"refresh_token": token})
    )
    assert sorted(a.status_code for a in answers) == [200] + [401] * (THREADS - 1)
    with in_brand(brand):
        assert set(RefreshToken.objects.values_list("revoked_at", flat=True)) == {NOW}
