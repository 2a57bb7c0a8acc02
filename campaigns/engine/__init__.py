"""The rules engine: pure, exact, without Django.

Typical use::

    context = BrandContext(timezone=ZoneInfo("Asia/Shanghai"), tiers=("silver", "gold"))
    rules = compile_rules([(body, version), ...], context)
    needs = rules.history_needs("order.paid", order.ordered_at)      # what to load of the member's past
    keys = rules.counter_keys(event, member)                          # which cap counters to load
    evaluation = rules.evaluate(Event.of_order(order), member, counters=UsedCounters(used))
    evaluation.winners      # one ledger entry each
    evaluation.counters     # what to add to the cap counters
    evaluation.to_record()  # JSON to keep with the purchase

    rules_as_recorded.reevaluate(Evaluation.from_record(record), order, remaining={"1": Decimal("1")})
"""

from campaigns.engine.compliance import ComplianceMatrix
from campaigns.engine.evaluation import Evaluation
from campaigns.engine.history import PurchaseHistory, SummaryHistory, UsedCounters
from campaigns.engine.ruleset import RuleSet, compile_rules
from campaigns.engine.types import (
    Benefit,
    BrandContext,
    CounterKey,
    Counters,
    Event,
    History,
    HistoryNeeds,
    Kept,
    Known,
    Line,
    MemberFacts,
    Order,
    PastLine,
    PastOrder,
    RuleResult,
)

__all__ = [
    "Benefit",
    "BrandContext",
    "ComplianceMatrix",
    "CounterKey",
    "Counters",
    "Evaluation",
    "Event",
    "History",
    "HistoryNeeds",
    "Kept",
    "Known",
    "Line",
    "MemberFacts",
    "Order",
    "PastLine",
    "PastOrder",
    "PurchaseHistory",
    "RuleResult",
    "RuleSet",
    "SummaryHistory",
    "UsedCounters",
    "compile_rules",
]
