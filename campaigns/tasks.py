"""Ticks of this room: each asks Postgres what is due, brand by brand."""

from celery import shared_task

from campaigns import due
from campaigns.services import (
    audiencegrants,
    campaigns,
    claims,
    days,
    gifts,
    moments,
    orders,
    seennames,
    segments,
    submissions,
    tiersubmissions,
    wakeups,
)
from campaigns.services.messages import sending
from loyalty.lib import clock
from tenants.fanout import alone, for_each_brand, in_turns

BATCH = 200
PORTION = 50
"""Of what is done row by row: a turn ends between portions, so that a large brand leaves room for others."""
ORDERS, WAKEUPS, RETURNS = "campaigns.orders", "campaigns.wakeups", "campaigns.returns"
MOMENTS, DAYS, SEGMENTS = "campaigns.moments", "campaigns.days", "campaigns.segments"
GRANTS, MESSAGES, NAMES = "campaigns.audience_grants", "campaigns.messages", "campaigns.names"


@shared_task
def tick_orders() -> int:
    """Ask every active brand to see to its orders."""
    return for_each_brand(see_to_orders, due=due.orders, job=ORDERS)


@shared_task
def see_to_orders() -> None:
    """Complete orders that are old enough, apply returns and claims whose order came, give up old ones."""

    def portion() -> bool:
        now = clock.now()
        applied = orders.apply_waiting(now=now, limit=BATCH)
        orders.drop_parked(now=now)
        settled = claims.settle_due(now=now, limit=BATCH)
        completed = orders.complete_due(now=now, limit=PORTION)
        return completed > 0 or applied > 0 or settled >= BATCH

    in_turns(see_to_orders, ORDERS, portion)


@shared_task
def tick_rules() -> int:
    """Ask every active brand to publish the rules whose time has come."""
    return for_each_brand(publish_rules, due=due.rules)


@shared_task
def publish_rules() -> int:
    """Publish what the brand scheduled of rules and tiers; returns how many submissions were settled.

    A bounded piece of work: what is left waits for the next tick.
    """
    now = clock.now()
    return submissions.publish_due(now=now, limit=BATCH) + tiersubmissions.publish_due(now=now)


@shared_task
def tick_wakeups() -> int:
    """Ask every active brand to send the wake-ups that are due."""
    return for_each_brand(run_wakeups, due=due.wakeups, job=WAKEUPS)


@shared_task
def run_wakeups() -> None:
    """Begin the runs whose time has come, and queue batches of those that go on."""

    def portion() -> bool:
        wakeups.start_due(now=clock.now())
        return wakeups.run_due(now=clock.now()) > 0

    in_turns(run_wakeups, WAKEUPS, portion)


@shared_task
def tick_returns(everything: bool = False) -> int:
    """Ask every active brand who came back after a wake-up."""
    if everything:
        return for_each_brand(look_for_all_returns, due=due.all_returns)
    return for_each_brand(look_for_returns, due=due.returns, job=RETURNS)


@shared_task
def look_for_returns() -> None:
    """Pay who came back by what was recorded lately, and take back what went back."""
    _look_for_returns(everything=False)


@shared_task
def look_for_all_returns() -> None:
    """The same by all that is open: what a look missed because everything was down."""
    _look_for_returns(everything=True)


def _look_for_returns(*, everything: bool) -> None:
    with alone(RETURNS) as held:
        if held:
            wakeups.look_at_orders(now=clock.now(), everything=everything)


@shared_task
def tick_moments() -> int:
    """Ask every active brand to judge the moments that are due."""
    return for_each_brand(judge_moments, due=due.moments, job=MOMENTS)


@shared_task
def judge_moments() -> None:
    """Judge what is due: enrolments and referrals that were cut off, birthdays, anniversaries. Before that
    granted tags whose time is over end, so that nothing is judged by them."""

    def portion() -> bool:
        if gifts.end_due(now=clock.now(), limit=BATCH) == BATCH:
            return True
        return moments.settle_due(now=clock.now(), limit=PORTION) == PORTION

    in_turns(judge_moments, MOMENTS, portion)


@shared_task
def tick_days() -> int:
    """Ask every active brand whose birthday or anniversary it is."""
    return for_each_brand(note_days, due=due.days, job=DAYS)


@shared_task
def note_days() -> None:
    """Note today's birthdays and anniversaries."""
    with alone(DAYS) as held:
        if held:
            days.note_days(now=clock.now())


@shared_task
def tick_segments() -> int:
    """Ask every active brand to read anew the segments that its rules name."""
    return for_each_brand(refresh_segments, due=due.segments, job=SEGMENTS)


@shared_task
def refresh_segments() -> None:
    """Read anew who is in the segments that are due."""
    with alone(SEGMENTS) as held:
        if held:
            segments.refresh_due(now=clock.now())


@shared_task
def tick_names() -> int:
    """Ask every active brand which names its newest orders have."""
    return for_each_brand(note_names, due=due.names, job=NAMES)


@shared_task
def note_names() -> None:
    """Look through the orders that came since the last time."""
    in_turns(note_names, NAMES, lambda: seennames.note(now=clock.now()))


@shared_task
def tick_audience_grants() -> int:
    """Ask every active brand to give what was decided for whole audiences."""
    return for_each_brand(give_audience_grants, due=due.audience_grants, job=GRANTS)


@shared_task
def give_audience_grants() -> None:
    """Give batches of the audience grants that are due."""
    in_turns(give_audience_grants, GRANTS, lambda: audiencegrants.give_due(now=clock.now()) > 0)


@shared_task
def tick_campaigns() -> int:
    """Ask every active brand to start and end its campaigns."""
    return for_each_brand(turn_campaigns, due=due.campaigns)


@shared_task
def turn_campaigns() -> int:
    """Start, end and close what is due; returns how many. What is left waits for the next tick."""
    return campaigns.turn_due(now=clock.now(), limit=BATCH)


@shared_task
def tick_messages() -> int:
    """Ask every active brand to send the messages that are due."""
    return for_each_brand(send_messages, due=due.messages, job=MESSAGES)


@shared_task
def send_messages() -> int:
    """Send what is due for some seconds; what is left waits for the next tick, after the other brands."""
    with alone(MESSAGES) as held:
        return sending.run() if held else 0
