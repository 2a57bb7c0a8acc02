"""Why members earn: rules, what counts their caps, moments and kinds of activities."""

from campaigns.models.counters import CapCounter, CapTotal, Carry
from campaigns.models.moments import ActivityType, Moment
from campaigns.models.rules import Rule, RulesInForce, RuleStep, RuleSubmission, RuleVersion

__all__ = [
    "ActivityType",
    "CapCounter",
    "CapTotal",
    "Carry",
    "Moment",
    "Rule",
    "RuleStep",
    "RuleSubmission",
    "RuleVersion",
    "RulesInForce",
]
