"""Errors speak of JSON and of the call at hand, not of Python's types or of templates."""

import pytest

from tests.support.client import Api

pytestmark = pytest.mark.django_db


def test_a_list_where_an_object_belongs(api: Api) -> None:
    """The detail names what JSON is expected."""
    problem = api.post("/burns", {"member": [], "points": 1, "reference": "r"}).json()

    assert {"pointer": "/member", "code": "invalid", "detail": "Must be a JSON object."} in problem["errors"]


def test_an_object_where_a_list_belongs(api: Api) -> None:
    """In the caller's language too."""
    problem = api.post(
        "/members", {"external_id": "C1", "tags": {}}, headers={"Accept-Language": "zh-hans"}
    ).json()

    assert problem["errors"] == [{"pointer": "/tags", "code": "not_a_list", "detail": "必须是 JSON 列表。"}]


def test_a_method_that_is_not_there(api: Api) -> None:
    """Title and detail name the method."""
    problem = api.delete("/burns").json()

    assert (problem["title"], problem["detail"]) == ('Method "DELETE" not allowed.',) * 2
