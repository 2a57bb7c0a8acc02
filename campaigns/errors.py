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
