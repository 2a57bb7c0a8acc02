"""Refusals of this room."""

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import NotFound, Refusal


class RuleNotFound(NotFound):
    """No rule of this code exists."""

    title = _("There is no earning rule of this code.")


class RuleCodeTaken(Refusal):
    """A rule of this code exists already; change it instead."""

    code = "rule_code_taken"
    status = 409
    title = _("An earning rule of this code exists already.")


class RuleRetired(Refusal):
    """A retired rule stays as it is."""

    code = "rule_retired"
    status = 409
    title = _("The earning rule is retired and can no longer be changed.")


class NothingToPublish(Refusal):
    """What the rule's draft says is published already."""

    code = "nothing_to_publish"
    status = 409
    title = _("The earning rule has no draft that is not published yet.")


class RuleNotPublished(Refusal):
    """Only a published rule can be retired."""

    code = "rule_not_published"
    status = 409
    title = _("The earning rule was never published.")


class ApprovalRequired(Refusal):
    """The brand asks for a second operator: submit the draft, and let somebody else approve it."""

    code = "approval_required"
    status = 409
    title = _("This brand asks for a second operator: submit the draft for approval.")


class TemplateNotFound(NotFound):
    """No template of this name exists, or the brand lacks what it needs (tiers)."""

    title = _("There is no such template for this brand.")


class VersionNotFound(NotFound):
    """The rule has no version of this number."""

    title = _("The earning rule has no such version.")


class SegmentNotFound(NotFound):
    """No segment of this code exists."""

    title = _("There is no such segment.")


class SegmentCodeTaken(Refusal):
    """A segment of this code exists already; change it instead."""

    code = "segment_code_taken"
    status = 409
    title = _("A segment of this code exists already.")


class SegmentInUse(Refusal):
    """A rule, a wake-up or an audience grant that is not over names the segment."""

    code = "segment_in_use"
    status = 409
    title = _("The segment is in use: by a rule, a wake-up or an audience grant.")


class WakeupNotFound(NotFound):
    """No wake-up of this code exists."""

    title = _("There is no such wake-up.")


class AudienceGrantNotFound(NotFound):
    """No audience grant of this code exists."""

    title = _("There is no such audience grant.")


class CodeTaken(Refusal):
    """Another one of this code exists already."""

    code = "code_taken"
    status = 409
    title = _("This code is taken already.")


class WrongState(Refusal):
    """This step is not possible from the present state; `state` says which that is."""

    code = "wrong_state"
    status = 409
    title = _("This is not possible in the present state.")


class OrderNotFound(NotFound):
    """No order of this number exists."""

    title = _("There is no order of this number.")


class OrderConflict(Refusal):
    """An order of this number was recorded with other content."""

    code = "order_conflict"
    status = 409
    title = _("An order of this number was recorded with other content.")


class OrderCancelled(Refusal):
    """A cancelled order can no longer be completed."""

    code = "order_cancelled"
    status = 409
    title = _("The order was cancelled.")


class CurrencyNotAccepted(Refusal):
    """The order is not in the brand's currency."""

    code = "currency_not_accepted"
    status = 422
    pointer = "/currency"
    title = _("Orders are accepted in the brand's currency only.")


class ReturnConflict(Refusal):
    """A return of this number was recorded with other content or for another order."""

    code = "return_conflict"
    status = 409
    title = _("A return of this number was recorded with other content.")


class ActivityConflict(Refusal):
    """An activity of this number was recorded with other content."""

    code = "activity_conflict"
    status = 409
    title = _("An activity of this number was recorded with other content.")


class ActivityTypeOff(Refusal):
    """The brand switched this type of activity off."""

    code = "type_disabled"
    status = 409
    title = _("The brand does not take this type of activity any more.")


class ActivityNotFound(NotFound):
    """No activity of this number."""

    code = "activity_not_found"
    title = _("There is no such activity.")


class ActivityDecided(Refusal):
    """The activity was decided otherwise before; `decision` says how."""

    code = "activity_decided"
    status = 409
    title = _("The activity was decided otherwise before.")


class RevisionOutdated(Refusal):
    """The order was corrected already with this revision or a higher one; `revision` says which."""

    code = "revision_outdated"
    status = 409
    title = _("The order was corrected already with this revision or a higher one.")


class ClaimNotFound(NotFound):
    """No claim of this id, or it is another member's."""

    code = "claim_not_found"
    title = _("There is no such claim.")


class ClaimLimitReached(Refusal):
    """The member filed as many claims in this calendar month as the brand allows; `limit` says how many."""

    code = "claim_limit_reached"
    status = 409
    title = _("No more claims can be filed this month.")


class ClaimDecided(Refusal):
    """The claim was decided otherwise before; `decision` says how."""

    code = "claim_decided"
    status = 409
    title = _("The claim was decided otherwise before.")


class ClaimPending(Refusal):
    """Points by hand for this claim wait for a second operator; `adjustment_id` says which request."""

    code = "claim_pending"
    status = 409
    title = _("Points for this claim wait for a second operator: decide that first.")


class ClaimNeedsSecond(Refusal):
    """The order is not the receipt's and gives `points`, more than one operator may give (`limit`)."""

    code = "approval_needed"
    status = 409
    title = _(
        "The receipt does not say that it was this order, and it gives more than one operator may give. Give"
        " the points by hand instead: a second operator then agrees to them."
    )


class OrderNotClaimable(Refusal):
    """The order cannot become the member's; `finding` says why."""

    code = "order_not_claimable"
    status = 409
    title = _("This order cannot become the member's.")


class MessageTemplateNotFound(NotFound):
    """No message template of this code exists."""

    title = _("There is no message template of this code.")


class TemplateNotPublished(Refusal):
    """A message template is sent in its published version; this one has none yet."""

    code = "template_not_published"
    status = 409
    title = _("The message template has not been published yet.")


class CampaignNotFound(NotFound):
    """No campaign of this code exists."""

    code = "campaign_not_found"
    title = _("There is no campaign of this code.")


class CampaignCodeTaken(Refusal):
    """A campaign of this code exists already; change it instead."""

    code = "campaign_code_taken"
    status = 409
    title = _("A campaign of this code exists already.")


class CampaignState(Refusal):
    """The campaign's state does not allow this step; `campaign_status` says which it is in."""

    code = "campaign_state"
    status = 409
    title = _("The campaign's state does not allow this step.")


class CampaignApprovalRequired(Refusal):
    """The brand asks for a second operator: submit the campaign, and let somebody else approve it."""

    code = "approval_required"
    status = 409
    title = _("This brand asks for a second operator: submit the campaign for approval.")


class CampaignBudgetUsedUp(Refusal):
    """The campaign gave what its budget allows; raise the budget first."""

    code = "campaign_budget_used_up"
    status = 409
    title = _("The campaign's budget is used up: raise it first.")


class ProgrammeBudgetUsedUp(Refusal):
    """Redemptions have cost what the brand allows for the period: no new campaign begins in it."""

    code = "programme_budget_used_up"
    status = 409
    title = _("The programme's budget for this period is used up: no new campaign can begin.")


class ChannelOff(Refusal):
    """The brand has not switched this channel of messages on."""

    code = "channel_off"
    status = 409
    title = _("This brand does not send messages by this channel.")


class MessageTemplateTaken(Refusal):
    """A message template of this code, or for this occasion, exists already."""

    code = "message_template_taken"
    status = 409
    title = _("A message template of this code or for this occasion exists already.")
