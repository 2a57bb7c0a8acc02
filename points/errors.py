"""Why the ledger refuses. Every refusal leaves the ledger as it was."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Refusal

SEALED_WITHIN_S = 20
"""Seconds after which it is worth asking again for a receipt; the sealer's tick."""


class InsufficientPoints(Refusal):
    """The member has fewer available points than asked for."""

    code = "insufficient_points"
    status = 409
    title = _("Not enough points")


class ReferenceConflict(Refusal):
    """The business reference was used before, with other content."""

    code = "reference_conflict"
    status = 409
    title = _("The reference was used before with other content")


class HoldEnded(Refusal):
    """The hold was captured, voided, or ran out."""

    code = "hold_ended"
    status = 409
    title = _("The hold has ended")


class HoldNotFound(Refusal):
    """There is no such hold in this brand."""

    code = "not_found"
    status = 404
    title = _("No such hold")


class EntryNotFound(Refusal):
    """There is no such ledger entry in this brand."""

    code = "not_found"
    status = 404
    title = _("No such entry")


class CaptureExceedsHold(Refusal):
    """More was to be captured than is held."""

    code = "capture_exceeds_hold"
    status = 409
    title = _("More than is held")


class ReversalExceedsEntry(Refusal):
    """More was to be reversed than is left of the entry."""

    code = "reversal_exceeds_entry"
    status = 409
    title = _("More than is left of the entry")


class NotReversible(Refusal):
    """Entries of this kind are not reversed; another operation undoes them."""

    code = "not_reversible"
    status = 409
    title = _("This entry cannot be reversed")


class AccountFrozen(Refusal):
    """Earning or spending is frozen for this account."""

    code = "account_frozen"
    status = 403
    title = _("The account is frozen")


class TransferLimitReached(Refusal):
    """The giver's monthly limit of transfers would be exceeded."""

    code = "transfer_limit_reached"
    status = 409
    title = _("The monthly limit of transfers is reached")


class SameMember(Refusal):
    """Giver and receiver of a transfer are the same member."""

    code = "same_member"
    status = 422
    pointer = "/to"
    title = _("A member cannot transfer points to themselves")


class PointsOutOfRange(Refusal):
    """The number of points is zero, negative, or larger than one operation may move."""

    code = "points_out_of_range"
    status = 422
    title = _("The number of points is out of range")


class AdjustmentNotFound(Refusal):
    """There is no such adjustment request in this brand."""

    code = "not_found"
    status = 404
    title = _("No such adjustment")


class AdjustmentDecided(Refusal):
    """The adjustment was approved or rejected before."""

    code = "adjustment_decided"
    status = 409
    title = _("The adjustment was decided before")


class NotSealedYet(Refusal):
    """The entry is so new that it is not in a signed checkpoint of the log yet; ask again within a minute."""

    code = "not_sealed_yet"
    status = 409
    title = _("The entry is not sealed yet; this takes less than a minute")
    retryable = True


class CheckpointNotFound(Refusal):
    """The brand's log has no signed checkpoint yet."""

    code = "not_found"
    status = 404
    title = _("No checkpoint was signed yet")


class LogKeyNotFound(Refusal):
    """The brand's log has no key yet."""

    code = "not_found"
    status = 404
    title = _("The log has no key yet")


class AccountMerged(Refusal):
    """The member was merged into another while the call was under way; sent again it reaches the survivor."""

    code = "member_not_active"
    status = 409
    retryable = True
    title = _("This member was merged into another. Please try again.")


class NotPending(Refusal):
    """Nothing of the entry waits any more: it became available, expired, or was taken back."""

    code = "not_pending"
    status = 409
    title = _("Nothing of this entry is pending")


class MonthClosed(Refusal):
    """Something was to be recorded in a month that finance has closed."""

    code = "month_closed"
    status = 409
    title = _("The month is closed")


class MonthNotOver(Refusal):
    """A month can be closed an hour after its end, by the clock of the database too."""

    code = "month_not_over"
    status = 409
    title = _("A month can be closed an hour after its end")


class TiersChanged(Refusal):
    """The tier programme is another one by now than the one that was to be changed."""

    code = "tiers_changed"
    status = 409
    title = _("The tiers were changed meanwhile. Look at them again before you change them.")
