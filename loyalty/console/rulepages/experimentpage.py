"""A rule's experiment as its page shows it."""

from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns.models import Rule
from loyalty.analytics import experiments
from loyalty.analytics.errors import NoExperiment
from loyalty.analytics.experiments import METRICS, Experiment, Variant
from loyalty.lib import clock
from loyalty.lib.display import rounded

WHOLE: Final = frozenset({"orders", "points"})


def experiment_page(rule: Rule) -> dict[str, Any]:
    """What the template shows; nothing where the rule runs for nobody or for all."""
    try:
        found = experiments.experiment_of(code=rule.code, now=clock.now())
    except NoExperiment:
        return {"experiment": None}
    names = {
        "orders": _("Orders"),
        "amount": _("Amount (%(currency)s)") % {"currency": found.currency},
        "points": _("Points given"),
        "cost": _("Cost (%(currency)s)") % {"currency": found.currency},
    }
    sides = {"treatment": _("with the rule"), "control": _("without it")}
    return {
        "experiment": found,
        "percent": f"{found.rollout_percent.normalize():f}",
        "variants": [_side(each, sides[each.name]) for each in found.variants],
        "metrics": [_metric(found, metric, names[metric]) for metric in METRICS],
    }


def _side(variant: Variant, label: str) -> dict[str, Any]:
    return {
        "name": variant.name,
        "label": label,
        "members": _number(Decimal(variant.members), 0),
        "buyers": _number(Decimal(variant.buyers), 0),
        "values": [_number(variant.sums[metric], 0 if metric in WHOLE else 2) for metric in METRICS],
    }


def _metric(found: Experiment, metric: str, label: str) -> dict[str, Any]:
    told = found.difference(metric)
    return {
        "name": metric,
        "label": label,
        "treatment": _number(found.treatment.mean(metric)),
        "control": _number(found.control.mean(metric)),
        "difference": _number(told.difference),
        "low": None if told.low is None else _number(told.low),
        "high": None if told.high is None else _number(told.high),
        "certain": told.low is not None and told.high is not None and (told.low > 0 or told.high < 0),
    }


def _number(value: Decimal, places: int = 2) -> str:
    return rounded(value, places)
