"""Every row lock of this room, in the order taken: audience grant, claim, order, tiers, campaign, rule,
submission, rules in force, total, moment, segment, run of a wake-up, wake-up, recipient.

An audience grant comes before the accounts of its members and those before the members themselves, a
recipient and a claim after their account.
Messages: the claim of the brand, message, subscription consent; queueing one: its member, their
subscription consents. Their templates by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from campaigns.models import (
    AudienceGrant,
    Campaign,
    CapTotal,
    Claim,
    Message,
    MessageChannel,
    MessageTemplate,
    Moment,
    ProgrammeBudget,
    Rule,
    RulesInForce,
    RuleSubmission,
    SeenUntil,
    Segment,
    SubscriptionConsent,
    TierSubmission,
    Wakeup,
    WakeupRecipient,
    WakeupRun,
)
from loyalty.lib.database import connection
from members.models import Activity, Member, ParkedReturn, Purchase


def campaign(code: str) -> Campaign | None:
    """The campaign of this code, locked until the transaction ends, or None."""
    return Campaign.objects.select_for_update().filter(code=code).first()


def due_campaign(campaign_id: UUID) -> Campaign | None:
    """A campaign on which something may be due, locked; None if another worker has it."""
    found = Campaign.objects.select_for_update(skip_locked=True).filter(due_at__isnull=False)
    return found.filter(pk=campaign_id).first()


def live_campaigns(campaign_ids: Collection[UUID]) -> list[Campaign]:
    """These campaigns, locked in the order of their keys."""
    return list(Campaign.objects.select_for_update().filter(pk__in=list(campaign_ids)).order_by("pk"))


def programme() -> ProgrammeBudget | None:
    """The programme's budget of the latest period, locked, or None; before the rules in force."""
    return ProgrammeBudget.objects.select_for_update().order_by("-starts_at").first()


def rule(code: str) -> Rule | None:
    """The rule of this code, locked until the transaction ends, or None."""
    return Rule.objects.select_for_update().filter(code=code).first()


def open_submission(rule: Rule) -> RuleSubmission | None:
    """What of the rule waits for a decision or for its time, locked, or None; after the lock on the rule."""
    found = RuleSubmission.objects.select_for_update().filter(rule=rule, status__in=RuleSubmission.OPEN)
    return found.first()


def tiers() -> None:
    """Nobody else puts the brand's tiers forward or in force until the transaction ends; before the rules."""
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1ftiers"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])


def open_tier_submission() -> TierSubmission | None:
    """What of the tiers waits for a decision or its time, locked, or None; after the lock on the tiers."""
    found = TierSubmission.objects.select_for_update().filter(status__in=TierSubmission.OPEN)
    return found.first()


def seen_until() -> SeenUntil | None:
    """Up to where orders were looked through for names, locked; None if another worker is at it."""
    SeenUntil.objects.bulk_create([SeenUntil(pk=1)], ignore_conflicts=True)
    return SeenUntil.objects.select_for_update(skip_locked=True).filter(pk=1).first()


def rules_in_force() -> RulesInForce | None:
    """The row that every publication changes, locked, or None before the first publication."""
    return RulesInForce.objects.select_for_update().filter(pk=1).first()


def total(rule_code: str) -> CapTotal:
    """The total of a rule, locked. Raises CapTotal.DoesNotExist."""
    return CapTotal.objects.select_for_update().get(rule=rule_code)


def claim(claim_id: UUID) -> Claim | None:
    """A claim, locked, or None; after the lock on its member's points account."""
    return Claim.objects.select_for_update().filter(pk=claim_id).first()


def purchase(purchase_id: UUID) -> Purchase:
    """An order, locked; after the lock on its member's points account. Raises Purchase.DoesNotExist."""
    return Purchase.objects.select_for_update().get(pk=purchase_id)


def activity(activity_id: str) -> Activity | None:
    """The activity of this number, locked, or None; after the lock on its member's points account."""
    return Activity.objects.select_for_update().filter(activity_id=activity_id).first()


def orders_that_counted(purchase: Purchase, triggers: Sequence[str]) -> list[Purchase]:
    """Other orders of the same member with a bonus that counted this one, locked, oldest first."""
    if purchase.member_id is None:
        return []
    named = Q()
    for trigger in triggers:
        named |= Q(evaluation__contains={trigger: {"window_orders": [purchase.order_id]}})
    found = Purchase.objects.select_for_update().filter(named, member_id=purchase.member_id)
    return list(found.exclude(pk=purchase.pk).order_by("ordered_at", "pk"))


def waiting_returns(order_id: str) -> list[ParkedReturn]:
    """The returns that wait for an order, locked, first parked first; after the lock on the account."""
    found = ParkedReturn.objects.select_for_update().filter(
        order_id=order_id, applied_at__isnull=True, dropped_at__isnull=True
    )
    return list(found.order_by("parked_at", "pk"))


def open_moment(moment_id: UUID) -> Moment | None:
    """A moment that is to be judged or taken back, locked after the accounts; None if another has it."""
    found = Moment.objects.select_for_update(skip_locked=True, of=("self",)).filter(due_at__isnull=False)
    return found.filter(pk=moment_id).first()


def segment(code: str) -> Segment | None:
    """The segment of this code, locked, or None."""
    return Segment.objects.select_for_update().filter(code=code).first()


def due_segment(segment_id: UUID, now: datetime) -> Segment | None:
    """A segment whose members are to be read anew, locked; None if another has it or it is not due."""
    found = Segment.objects.select_for_update(skip_locked=True).filter(pk=segment_id, refresh_at__lte=now)
    return found.first()


def wakeup(code: str) -> Wakeup | None:
    """The wake-up of this code, locked, or None."""
    return Wakeup.objects.select_for_update(of=("self",)).select_related("segment").filter(code=code).first()


def due_wakeup(wakeup_id: UUID, now: datetime) -> Wakeup | None:
    """A wake-up whose time has come, locked; None if another has it or it is not due."""
    found = Wakeup.objects.select_for_update(skip_locked=True).filter(pk=wakeup_id, next_run_at__lte=now)
    return found.first()


def state_of_wakeup(wakeup_id: UUID) -> str:
    """How a wake-up stands, after the lock on one of its runs: it stays so until the transaction ends.

    Whoever decides on the wake-up locks its whole row and waits; counting on its budget does not.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM campaigns_wakeup WHERE id = %s FOR KEY SHARE", [wakeup_id])
        (status,) = cursor.fetchone()
    return str(status)


def open_run(run_id: UUID) -> WakeupRun | None:
    """A run that goes on, locked; None if another has it or it has ended."""
    found = WakeupRun.objects.select_for_update(skip_locked=True, of=("self",))
    return found.select_related("wakeup__segment").filter(pk=run_id, due_at__isnull=False).first()


def recipient(recipient_id: int, task: str) -> WakeupRecipient | None:
    """A recipient whose task stands so, locked after the account; None if it stands otherwise by now."""
    found = WakeupRecipient.objects.select_for_update(of=("self",)).select_related("wakeup", "run")
    return found.filter(pk=recipient_id, task=task).first()


def runs_of(code: str) -> list[WakeupRun]:
    """The runs of a wake-up that go on, locked, before the wake-up itself."""
    found = WakeupRun.objects.select_for_update(of=("self",)).filter(wakeup__code=code, due_at__isnull=False)
    return list(found.order_by("pk"))


def audience_grant(code: str) -> AudienceGrant | None:
    """The audience grant of this code, locked, or None."""
    found = AudienceGrant.objects.select_for_update(of=("self",)).select_related("segment")
    return found.filter(code=code).first()


def open_audience_grant(grant_id: UUID) -> AudienceGrant | None:
    """An audience grant that has something to give, locked; None if another has it or it has ended."""
    found = AudienceGrant.objects.select_for_update(skip_locked=True, of=("self",)).select_related("segment")
    return found.filter(pk=grant_id, due_at__isnull=False).first()


def members_who_stay(member_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the members who are nobody else by now, kept from being merged until the transaction ends.

    After the locks on their accounts, as in a merge; orders and other rows that name them do not wait.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM members_member WHERE id = ANY(%s) AND status <> 'merged'"
            " ORDER BY id FOR KEY SHARE",
            [list(member_ids)],
        )
        return [member_id for (member_id,) in cursor.fetchall()]


def message_claims() -> None:
    """Wait until no other claim of this brand's messages is under way; held until the transaction ends."""
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1fmessage claims"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])


def due_messages(now: datetime, limit: int) -> list[Message]:
    """Messages that are due, locked, the longest due first; those that another holds are left out."""
    found = Message.objects.select_for_update(skip_locked=True, of=("self",)).select_related("template")
    return list(found.filter(status=Message.Status.QUEUED, due_at__lte=now).order_by("due_at", "pk")[:limit])


def lost_messages(now: datetime, limit: int) -> list[Message]:
    """Messages whose sender did not say in time what became of them, locked."""
    found = Message.objects.select_for_update(skip_locked=True, of=("self",))
    lost = found.filter(status=Message.Status.SENDING, lease_until__lte=now)
    return list(lost.order_by("lease_until", "pk")[:limit])


def sending_messages(message_ids: Collection[UUID]) -> dict[UUID, Message]:
    """Messages that are still being sent, locked in the order of their keys."""
    found = Message.objects.select_for_update(of=("self",)).filter(pk__in=message_ids)
    return {each.pk: each for each in found.filter(status=Message.Status.SENDING).order_by("pk")}


def subscription_consents(member_ids: Collection[UUID]) -> list[SubscriptionConsent]:
    """The counters of these members, locked in the order of their keys."""
    found = SubscriptionConsent.objects.select_for_update(of=("self",)).filter(member_id__in=member_ids)
    return list(found.order_by("pk"))


def messages_of(member_id: UUID) -> Member:
    """The member, locked against another choice of a channel for them, before the subscription consents.

    It does not stand in the way of orders and other rows that only name the member. Raises
    Member.DoesNotExist.
    """
    return Member.objects.select_for_update(no_key=True).get(pk=member_id)


def message_channel(channel: str) -> MessageChannel | None:
    """The brand's setup of a channel, locked, or None."""
    return MessageChannel.objects.select_for_update().filter(channel=channel).first()


def message_template(code: str) -> MessageTemplate | None:
    """The message template of this code, locked, or None."""
    return MessageTemplate.objects.select_for_update().filter(code=code).first()
