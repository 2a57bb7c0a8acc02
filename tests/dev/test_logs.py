"""Each line says for which brand and request it is, and nothing about a person."""

import json
import os
import subprocess
import sys

import pytest
import structlog

from loyalty import logs
from loyalty.dev.places import ROOT
from tenants.models import Brand

PHONES = ["+8613800138000", "13800138000"]


@pytest.mark.parametrize("phone", PHONES)
def test_phones_and_addresses_are_masked_wherever_they_stand(phone: str) -> None:
    assert logs.mask(f"no member {phone} (li@example.com)") == "no member … (…)"


def test_the_details_of_a_database_error_are_masked() -> None:
    text = "duplicate key\nDETAIL:  Key (subject)=(李 小龙) already exists."
    assert logs.mask(text) == "duplicate key\nDETAIL:  Key (subject)=(…) already exists."
    assert logs.mask("Failing row contains (1, 李, x).") == "Failing row contains (…)."


def test_credentials_are_masked() -> None:
    assert logs.mask("Authorization: Bearer lp_abc.def-1") == "Authorization: Bearer …"
    assert logs.mask("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") == "secret whsec_…"


def test_ids_and_counts_stay() -> None:
    text = "order S01-20261122-0007 entry 01939a1c-6f2e-7abc-8def-0123456789ab 1763790000 points=39"
    assert logs.mask(text) == text


def test_fields_of_people_are_dropped_by_name_at_every_depth() -> None:
    event = {"event": "enrolled", "phone": "1", "member": {"name": "Li", "id": 7, "tags": ["a@b.cn"]}}
    assert logs.without_personal_data(None, "", event) == {
        "event": "enrolled",
        "member": {"id": 7, "tags": ["…"]},
    }


def test_every_line_says_its_brand(in_acme: Brand) -> None:
    assert logs.add_brand(None, "", {"event": "x"}) == {"event": "x", "brand": "acme"}
    assert logs.add_brand(None, "", {"event": "x", "brand": "globex"})["brand"] == "globex"


def test_a_line_outside_of_brands_is_the_platforms() -> None:
    assert logs.add_brand(None, "", {"event": "x"}) == {"event": "x", "brand": "-"}


def test_queries_are_cut_off_and_good_probes_are_silent() -> None:
    line = {"event": "request_finished", "request": "GET /api/v1/members?phone=13800138000", "code": 200}
    assert logs.without_noise(None, "", dict(line))["request"] == "GET /api/v1/members"
    with pytest.raises(structlog.DropEvent):
        logs.without_noise(None, "", {"event": "request_finished", "request": "GET /readyz", "code": 200})
    red = {"event": "request_finished", "request": "GET /readyz", "code": 503}
    assert logs.without_noise(None, "", dict(red)) == red


PROGRAM = """
import django, logging, structlog
django.setup()
structlog.contextvars.bind_contextvars(request_id="r-1")
structlog.get_logger("members").info("enrolled", member_id=7, email="li@example.com")
logging.getLogger("celery.app.trace").info("a tick")
try:
    raise ValueError("no member 13800138000")
except ValueError:
    logging.getLogger("some.library").exception("failed for %s", "li@example.com")
"""


@pytest.mark.whole
def test_production_writes_one_json_object_a_line() -> None:
    env = {
        "PATH": os.environ["PATH"],
        "LOYALTY_ENV": "production",
        "DJANGO_SETTINGS_MODULE": "loyalty.settings",
        "SECRET_KEY": "s" * 48,
        "FIELD_KEYS": "c29tZSBvdGhlciBrZXkgb2YgdGhpcnR5dHdvIGJ5dGU=",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    at = first.pop("at")
    assert at.endswith("Z")
    assert first == {
        "event": "enrolled",
        "member_id": 7,
        "brand": "-",
        "request_id": "r-1",
        "level": "info",
        "logger": "members",
    }
    assert second["event"] == "failed for …"
    assert second["exception"].endswith("ValueError: no member …")
