"""What an order would earn, and why. Writes nothing and locks nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from campaigns import facts, selectors
from campaigns.engine import MemberFacts, RuleSet
from campaigns.errors import RuleNotFound
from campaigns.models import Rule
from campaigns.services.orders import judging
from campaigns.services.orders.content import Content, MemberRef
from campaigns.services.orders.told import Told
from members import services as members
from members.errors import MemberNotFound
from members.models import Member
from points import selectors as ledger
from points.services import tiers
from tenants.context import current_brand


def preview_order(
    *, content: Content, now: datetime, at: datetime | None = None, rule: str | None = None
) -> Told:
    """What `record_order` would answer: at another instant, or with the draft of one rule in force.

    A member who would be enrolled by the order, and a guest, are judged as somebody who joins with it.

    Raises MemberNotFound, MemberNotActive, RuleNotFound (also for a rule that has no draft or version).
    """
    if at is not None:
        content = replace(content, ordered_at=at)
    member = _member(content.member, now)
    held = tiers.peek(member_id=member.id, at=now) if member else None
    program = held.program if held else tiers.program()
    lowest = program.codes[0] if program else None
    rules = _rules(rule, program.codes if program else ())
    known = _facts(member, rules, content, held.code if held else lowest, now)
    triggers = (judging.PAID, judging.COMPLETED) if content.completed_at else (judging.PAID,)
    account = ledger.account_view(member.id, now) if member else None
    frozen = account is not None and account.earn_frozen
    judged = [] if frozen else judging.judge(content.order(), known, rules, triggers, preview=True)
    wanted = judging.postings(
        judged,
        order_id=content.order_id,
        ordered_at=content.ordered_at,
        completed_at=content.completed_at,
    )
    own = [posting for posting in wanted if posting.currency == "points"]
    accrued = sum(posting.points for posting in own)
    pending = sum(
        posting.points
        for posting in own
        if posting.waits_for or (posting.available_at is not None and posting.available_at > now)
    )
    debt = account.debt if account else 0
    return Told(
        order_id=content.order_id,
        member_id=member.id if member else None,
        status="preview",
        points={
            "accrued": accrued,
            "pending": pending,
            "debt_repaid": min(debt, accrued - pending),
        },
        entries=[judging.posting_json(posting, now) for posting in wanted],
        evaluations=[each.evaluation for each in judged],
        rules=rules,
        account=account,
        program=program,
        tier=held.code if held else lowest,
        notice=_notice(rule, frozen, guest=content.member is None),
    )


def _member(ref: MemberRef | None, now: datetime) -> Member | None:
    if ref is None:
        return None
    try:
        return members.resolve_or_enrol(
            member_id=ref.member_id, keys=ref.keys, may_enrol=False, source="order", now=now
        )[0]
    except MemberNotFound:
        if not ref.keys or not current_brand().setting("enrol_by_order"):
            raise
        return None


def _notice(code: str | None, frozen: bool, *, guest: bool) -> str | None:
    """What the caller must know of the preview: nothing is earned, or not by this rule any more, or only once
    somebody has claimed it."""
    if frozen:
        return "earning_frozen"
    retired = code is not None and Rule.objects.filter(code=code, status=Rule.Status.RETIRED).exists()
    if retired:
        return "rule_retired"
    return "guest_order" if guest else None


def _rules(code: str | None, tier_codes: tuple[str, ...]) -> RuleSet:
    if code is None:
        return selectors.published_rules(tiers=tier_codes)
    rule = Rule.objects.filter(code=code).first()
    if rule is None:
        raise RuleNotFound
    return selectors.rules_with_draft(code, selectors.working_body(rule), tiers=tier_codes)


def _facts(
    member: Member | None, rules: RuleSet, content: Content, tier: str | None, now: datetime
) -> MemberFacts:
    if member is None:
        return facts.stranger(now, tier)
    return facts.member_facts(
        member,
        rules=rules,
        triggers=(judging.PAID, judging.COMPLETED),
        at=content.ordered_at,
        tier=tier,
        without_order=content.order_id,
    )
