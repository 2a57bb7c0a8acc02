"""What the mall refuses. Every refusal leaves points and stock as they were."""

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import NotFound, Refusal


class RewardNotFound(NotFound):
    """There is no such reward in this brand, or none that this member may see."""

    code = "reward_not_found"
    title = _("No such reward.")


class OfferNotFound(NotFound):
    """There is no such offer in this brand."""

    code = "offer_not_found"
    title = _("No such offer.")


class StockNotFound(NotFound):
    """No stock is kept of this SKU."""

    code = "stock_not_found"
    title = _("No stock is kept of this SKU.")


class RedemptionNotFound(NotFound):
    """There is no such redemption in this brand, or it is not this member's."""

    code = "redemption_not_found"
    title = _("No such redemption.")


class RewardNotAvailable(Refusal):
    """The reward is not published, or none of its offers is open now."""

    code = "reward_not_available"
    status = 409
    title = _("This reward is not available now.")


class OutOfStock(Refusal):
    """Fewer pieces are left than were asked for."""

    code = "out_of_stock"
    status = 409
    title = _("Not enough of this reward is left.")


class LimitReached(Refusal):
    """The member has had as many of this reward as a member may have."""

    code = "limit_reached"
    status = 409
    title = _("The limit of this reward for each member is reached.")


class NotEligible(Refusal):
    """The member may not have this reward: `reason` says why (tier, compliance)."""

    code = "not_eligible"
    status = 403
    title = _("This reward is not open to this member.")


class RedemptionState(Refusal):
    """What was asked for does not follow from where the redemption stands."""

    code = "redemption_state"
    status = 409
    title = _("The redemption is past the point at which this can be done.")
