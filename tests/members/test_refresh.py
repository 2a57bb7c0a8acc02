"""Refresh tokens rotate, and a second use ends the session."""

from datetime import timedelta

import jwt
import pytest

from loyalty.lib import clock
from members import tokens
from members.models import Member, RefreshToken, SigningKey
from tenants.context import in_brand
from tenants.models import Brand
from tests.support import brands
from tests.support.client import Api
from tests.support.sessions import PREFIX

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(acme: Brand) -> tokens.Pair:
    """Anna's new session at acme."""
    with in_brand(acme):
        key = tokens.signing_key(clock.now())
        member = Member.objects.get(pk=brands.ANNA)
        return tokens.start(member=member, key=key, device_id="phone", now=clock.now())


def refresh(anybody: Api, token: str) -> tuple[int, dict]:
    answer = anybody.post("/auth/refresh", {"refresh_token": token})
    return answer.status_code, answer.json()


def test_a_refresh_token_is_exchanged_for_a_new_pair(anybody: Api, pair: tokens.Pair, acme: Brand) -> None:
    with clock.frozen(clock.now() + timedelta(hours=1)):
        status, new = refresh(anybody, pair.refresh_token)
        assert status == 200
        assert new["member_id"] == str(brands.ANNA)
        assert new["refresh_token"] != pair.refresh_token
        me = Api("acme.localhost", new["access_token"], prefix=PREFIX).get("/me")
        assert me.json()["member_id"] == str(brands.ANNA)
    with in_brand(acme):
        rows = RefreshToken.objects.order_by("issued_at")
        assert [(r.device_id, r.used_at is not None, r.revoked_at) for r in rows] == [
            ("phone", True, None),
            ("phone", False, None),
        ]
        assert len({r.family for r in rows}) == 1


def test_a_reused_token_revokes_its_family_and_no_other(anybody: Api, pair: tokens.Pair, acme: Brand) -> None:
    with in_brand(acme):
        key = tokens.signing_key(clock.now())
        other = tokens.start(
            member=Member.objects.get(pk=brands.ANNA), key=key, device_id="", now=clock.now()
        )
    _status, new = refresh(anybody, pair.refresh_token)
    status, problem = refresh(anybody, pair.refresh_token)
    assert (status, problem["code"]) == (401, "refresh_token_invalid")
    status, problem = refresh(anybody, new["refresh_token"])
    assert (status, problem["code"]) == (401, "refresh_token_invalid")
    assert refresh(anybody, other.refresh_token)[0] == 200


def test_signing_out_ends_the_session(anybody: Api, pair: tokens.Pair) -> None:
    for _time in range(2):
        answer = anybody.post("/auth/logout", {"refresh_token": pair.refresh_token})
        assert (answer.status_code, answer.content) == (204, b"")
    assert refresh(anybody, pair.refresh_token)[0] == 401
    assert anybody.post("/auth/logout", {"refresh_token": "never-given-out"}).status_code == 204


def test_a_refresh_token_ends_after_thirty_days(anybody: Api, pair: tokens.Pair) -> None:
    at = clock.now()
    with clock.frozen(at + timedelta(days=30)):
        assert refresh(anybody, pair.refresh_token)[0] == 401
    with clock.frozen(at + timedelta(days=30) - timedelta(seconds=1)):
        assert refresh(anybody, pair.refresh_token)[0] == 200


def test_a_refresh_token_of_acme_is_nothing_at_globex(pair: tokens.Pair, anybody: Api, globex: Brand) -> None:
    status, problem = refresh(Api("globex.localhost", None, prefix=PREFIX), pair.refresh_token)
    assert (status, problem["code"]) == (401, "refresh_token_invalid")
    assert refresh(anybody, pair.refresh_token)[0] == 200


def test_a_closed_members_token_is_refused(anybody: Api, pair: tokens.Pair, acme: Brand) -> None:
    with in_brand(acme):
        Member.objects.filter(pk=brands.ANNA).update(status="closed")
    assert refresh(anybody, pair.refresh_token)[0] == 401


def test_each_brand_signs_with_a_key_of_its_own(acme: Brand, globex: Brand) -> None:
    secrets = set()
    for brand in (acme, globex):
        with in_brand(brand):
            first, second = tokens.signing_key(clock.now()), tokens.signing_key(clock.now())
            assert first.id == second.id
            assert SigningKey.objects.count() == 1
            secrets.add(tokens._secret_of(first))
    assert len(secrets) == 2


def test_a_retired_key_verifies_nothing(anybody: Api, pair: tokens.Pair, acme: Brand) -> None:
    member = Api("acme.localhost", pair.access_token, prefix=PREFIX)
    assert member.get("/me").status_code == 200
    with in_brand(acme):
        SigningKey.objects.update(retired_at=clock.now())
    tokens.forget()
    assert member.get("/me").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "globex"},
        {"aud": ["acme", "globex"], "sub": "nobody"},
        {"sub": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"sid": "no-id"},
    ],
    ids=str,
)
def test_claims_that_are_not_ours_are_refused(change: dict, pair: tokens.Pair, acme: Brand) -> None:
    with in_brand(acme):
        key = tokens.signing_key(clock.now())
        secret = tokens._secret_of(key)
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    forged = {name: value for name, value in {**claims, **change}.items() if value is not None}
    token = jwt.encode(forged, secret, algorithm="HS256", headers={"kid": str(key.id)})
    answer = Api("acme.localhost", token, prefix=PREFIX).get("/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_token_without_a_signature_is_refused(pair: tokens.Pair, acme: Brand) -> None:
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(pair.access_token)["kid"]
    token = jwt.encode(claims, None, algorithm="none", headers={"kid": kid})
    assert Api("acme.localhost", token, prefix=PREFIX).get("/me").status_code == 401
