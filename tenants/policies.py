"""A brand's policies and their defaults. A key that is not here does not exist."""

from typing import Any, Final

DEFAULTS: Final[dict[str, Any]] = {
    # Points: expiry of lots whose rule says nothing (ledger.md rule 8).
    "expiry": {"policy": "never"},
    # Days of grace for points given back to a lot that has run out meanwhile; 0 = they expire at once.
    "restore_grace_days": 0,
    # Adjustments of more points than this need a second operator; null = none does.
    "adjustment_approval_above": None,
    # Whose earning rules need a second operator before they run: "none", "console" (what operators publish)
    # or "all" (what is published with the API, too).
    "rule_approval": "none",
    # Whose wake-ups and whose grants to a whole audience need a second operator, in the same words.
    "wakeup_approval": "none",
    "audience_grant_approval": "all",
    # Codes of the points currencies that the brand runs; null = `points` and whatever a rule or call names.
    "points_currencies": None,
    # Points a member may transfer to others in a calendar month; null = no limit.
    "transfer_monthly_limit": 10_000,
    # Cost of one point in the brand's currency, for the liability.
    "point_cost": "0.01",
    # Where a member's invitation leads; `{code}` stands for the referral code. Empty: a code without a link.
    "referral_link": "",
    # Orders: whether an unknown identity is enrolled; days until an order completes by itself (null = never).
    "enrol_by_order": True,
    "auto_complete_days": None,
    # Activities: how many days before the brand's day they may lie, and check-ins, which make streaks.
    "activity_late_days": 30,
    "check_in_late_days": 7,
    # Claims of members: the age of an order in days, how many days a claim waits for its order to come, and
    # how many claims a member may file in a calendar month.
    "claim_days": 30,
    "claim_wait_days": 7,
    "claims_per_month": 5,
    # What flooring cut: "floor" forgets it, "carry" keeps it for the next order (rules.md).
    "rounding": "floor",
    # The brand-local hour (0 to 23) in which the books are verified every day.
    "verify_hour": 4,
    # The compliance matrix in force (compliance.md).
    "compliance": "strict",
    # Single cells of it that were unlocked (`operators.compliancechanges`): pairs of tag and act, such as
    # ["wechat_share", "bonus"]; the infant rows cannot be.
    "compliance_unlocked": [],
    # Days before expiry on which members are told.
    "expiry_notices": [30, 7, 1],
    # Days before a tier is lost on which members are told.
    "tier_notices": [30, 7],
    # Hours of the brand's clock in which no marketing is sent; it waits for the end. null = none.
    "quiet_hours": {"from": "22:00", "until": "08:00"},
    # Marketing messages a member may get per day, 7 days and 30 days: by one channel, and by all together.
    "message_caps": {"all": {"day": 2, "week": 5}, "sms": {"day": 1, "week": 2, "month": 4}},
    # What no message may say (Advertising Law of China, articles 20 and 57).
    "forbidden_phrases": ["替代母乳", "人乳化", "母乳化", "接近母乳", "媲美母乳"],
    # Hosts besides the brand's own that links in messages may lead to.
    "message_link_hosts": [],
    # Days after a message in which an order or a sign-in counts as coming back because of it.
    "message_return_days": 7,
    # host:port pairs that webhooks may reach over http and loopback; never in production.
    "webhook_hosts": [],
    # WeChat mini-program: app id, and its secret sealed by `loyalty.lib.crypto`.
    "wechat_app_id": "",
    "wechat_secret": "",
}
