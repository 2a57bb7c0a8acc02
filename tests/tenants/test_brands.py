"""Brands: hosts, suspension, and walls in the database itself."""

import pytest
from django.db import ProgrammingError, connection, transaction

from members.identities import Key
from members.models import Member
from members.services import enrol
from tenants.context import NoBrand, current_brand, in_brand
from tenants.models import Brand
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def test_an_unknown_host_is_refused(acme: Brand) -> None:
    answer = Api("nobody.localhost", None).get("/members")
    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_host"


def test_a_suspended_brand_answers_403(acme: Brand, api: Api) -> None:
    Brand.objects.filter(pk=acme.pk).update(status=Brand.Status.SUSPENDED)
    answer = api.get("/members")
    assert (answer.status_code, answer.json()["code"]) == (403, "brand_suspended")


def test_no_tenant_no_query(db: None) -> None:
    with pytest.raises(NoBrand):
        current_brand()
    with pytest.raises(ProgrammingError), transaction.atomic():
        Member.objects.count()


def test_the_role_of_one_brand_cannot_read_another(acme: Brand, globex: Brand) -> None:
    with in_brand(acme):
        assert Member.objects.get(pk=ANNA).name == "C-anna of acme"
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as c,
        ):
            c.execute("SELECT name FROM globex.members_member")
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as c,
        ):
            c.execute("SELECT slug FROM public.tenants_brand")
    with in_brand(globex):
        assert Member.objects.get(pk=ANNA).name == "C-anna of globex"


def test_a_rolled_back_savepoint_does_not_move_to_another_brand(acme: Brand, globex: Brand) -> None:
    with in_brand(acme):
        try:
            with transaction.atomic():
                with in_brand(globex):
                    assert Member.objects.get(pk=ANNA).name == "C-anna of globex"
                raise ValueError  # noqa: TRY301
        except ValueError:
            pass
        assert Member.objects.get(pk=ANNA).name == "C-anna of acme"


def test_enrolment_writes_into_one_brand_only(acme: Brand, globex: Brand, now) -> None:
    with in_brand(acme):
        member, created = enrol(keys=[Key("phone", "+8613800000000")], now=now)
        assert created
        again, created = enrol(keys=[Key("phone", "+8613800000000"), Key("card_no", "77")], now=now)
        assert (again.id, created) == (member.id, False)
        assert member.identities.count() == 2
    with in_brand(globex):
        assert not Member.objects.filter(pk=member.id).exists()
