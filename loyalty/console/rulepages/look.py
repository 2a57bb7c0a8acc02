"""A draft looked at while it is written: its sentence, its faults, and what it gives on a sample."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns import schema, selectors
from campaigns.schema import Checked
from campaigns.services import activitytypes, phrases, sampling
from campaigns.wording import in_words
from loyalty.lib import clock
from loyalty.lib.errors import FieldError, Invalid, Refusal
from loyalty.lib.fields import plain_json

LONGEST = 400_000
STAND_IN = "new-rule"


@require_POST
def look(request: HttpRequest) -> JsonResponse:
    """What there is to say of `{"rule": …, "sample": …}`; nothing is written."""
    if not request.user.has_perm("campaigns.add_rule"):
        raise PermissionDenied
    try:
        asked = json.loads(request.body[:LONGEST], parse_float=Decimal)
    except ValueError:
        return JsonResponse({}, status=400)
    if not isinstance(asked, dict):
        return JsonResponse({}, status=400)
    return JsonResponse(looked_at(asked.get("rule"), asked.get("sample")))


def looked_at(body: Any, sample: Any) -> dict[str, Any]:
    """The faults of a body; of a sound one its sentence, and what the sample would earn."""
    now = clock.now()
    found = schema.check(body, selectors.check_context(now))
    told: dict[str, Any] = {
        "errors": faults((*found.errors, *phrases.rule_faults(found.body))),
        "warnings": faults(odd(found)),
        "text": "",
    }
    if found.errors and all(each.pointer.startswith(("/code", "/name")) for each in found.errors):
        # Without a name yet it can be said and tried all the same.
        named = {**found.body, "code": STAND_IN, "name": str(_("This rule"))}
        found = schema.check(named, selectors.check_context(now))
        told |= {"errors": told["errors"] + faults(found.errors), "warnings": faults(odd(found))}
    if found.errors:
        return told
    told["text"] = in_words(found.body)
    try:
        told["preview"] = tried(found.body, sample)
    except Invalid as invalid:
        told["sample_errors"] = faults(invalid.errors)
    except Refusal as refusal:
        told["sample_errors"] = [{"pointer": "", "code": refusal.code, "detail": str(refusal.detail)}]
    return told


def odd(found: Checked) -> tuple[FieldError, ...]:
    """What is odd about a rule that holds; of one that does not there is no telling."""
    if found.errors:
        return found.warnings
    return (*found.warnings, *activitytypes.warnings(str(found.body["trigger"])))


def tried(body: Mapping[str, Any], sample: Any) -> dict[str, Any]:
    """What the sample would earn, rule by rule. Raises Invalid, OrderNotFound."""
    now = clock.now()
    found = sampling.try_out(
        body=body, sample=sampling.read_sample(plain_json(sample or {}), now=now), now=now
    )
    return {
        "points": found.points,
        "before": found.before,
        "rules": [
            {"rule": each["rule"], "name": each["name"], "points": each["points"], "text": each["text"]}
            for each in found.verdicts
            if each["points"] or each["rule"] == body["code"]
        ],
    }


def faults(errors: Iterable[FieldError]) -> list[dict[str, str]]:
    """Field errors as the script takes them."""
    return [{"pointer": each.pointer, "code": each.code, "detail": str(each.detail)} for each in errors]
