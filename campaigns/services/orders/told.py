"""What the caller is told of an order: points, entries, why, and the account; the same for a repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from campaigns import selectors
from campaigns.engine import Evaluation, RuleSet, explain
from loyalty.lib.words import language as active_language
from points.postings import AccountState
from points.selectors import AccountView
from points.tiers import Program
from tenants.context import current_brand

NOTHING = {"accrued": 0, "pending": 0, "debt_repaid": 0}


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to an order. `entries` and `points` are those of its first recording."""

    order_id: str
    member_id: UUID | None
    status: str
    points: Mapping[str, int] = field(default_factory=lambda: dict(NOTHING))
    entries: Sequence[Mapping[str, Any]] = ()
    evaluations: Sequence[Evaluation] = ()
    rules: RuleSet | None = None
    account: AccountState | AccountView | None = None
    program: Program | None = None
    tier: str | None = None
    returns: Sequence[Mapping[str, Any]] = ()
    notice: str | None = None
    booked: Mapping[str, int] | None = None
    revision: int | None = None
    created: bool = True

    def body(self) -> dict[str, Any]:
        """The answer as JSON, in the active language."""
        told: dict[str, Any] = {
            "order_id": self.order_id,
            "member_id": str(self.member_id) if self.member_id else None,
            "status": self.status,
            "points": dict(self.points),
            "entries": [dict(entry) for entry in self.entries],
            "explanation": self.explanation(),
            "account": account_json(self.account) if self.account else None,
            "tier": self.tier,
        }
        if self.returns:
            told["returns"] = [dict(each) for each in self.returns]
        if self.notice:
            told["notice"] = self.notice
        if self.revision is not None:
            told |= {"revision": self.revision, "booked": dict(self.booked or {})}
        return told

    def explanation(self) -> list[Mapping[str, Any]]:
        """Rule by rule what it gave, or why it gave nothing, in the words of the active language."""
        return list(explained(self.evaluations, self.rules, self.program))


def account_json(account: AccountState | AccountView) -> dict[str, Any]:
    """An account as the answers to orders and returns tell it."""
    return {
        "available": account.available,
        "pending": account.pending,
        "held": account.held,
        "debt": account.debt,
        "points_currency": account.currency,
    }


def _rules_of(evaluation: Evaluation) -> RuleSet:
    versions = {(result.rule, result.version) for result in evaluation.results}
    return selectors.recorded_rules(sorted(versions), tiers=evaluation.tiers)


def _words(program: Program | None) -> explain.Words:
    brand = current_brand()
    return explain.Words(
        currency=brand.currency,
        points_name=brand.points_name,
        timezone=brand.tz,
        tiers={level.code: level.name for level in program.levels} if program else {},
    )


def _wording(words: explain.Words) -> str:
    # What the words depend on; tiers and the brand's settings may change while the rules stay.
    return repr((words.currency, words.points_name, str(words.timezone), words.tiers))


def explained(
    evaluations: Sequence[Evaluation], rules: RuleSet | None = None, program: Program | None = None
) -> tuple[Mapping[str, Any], ...]:
    """Rule by rule what it gave, or why it gave nothing, in the words of the active language.

    `rules` must hold the versions of the evaluations; None: they are read.
    """
    language, words = active_language(), _words(program)
    said = rules.said.setdefault((language, _wording(words)), {}) if rules else None
    found: list[Mapping[str, Any]] = []
    for evaluation in evaluations:
        bodies = {rule.code: rule.body for rule in (rules or _rules_of(evaluation)).rules}
        found += explain.explanation(evaluation, bodies, language, words, said)
    return tuple(found)
