"""Changing who works here. Creating is `tenants.provisioning.create_operator`."""

import secrets

from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Refusal
from tenants.operators.locks import lock_owners
from tenants.operators.models import Operator, Role


class LastOwner(Refusal):
    """Nobody would be left who may do everything."""

    code = "last_owner"
    status = 409
    title = _("At least one active owner must remain.")


@transaction.atomic
def change(*, operator: Operator, role: str, active: bool, name: str, language: str) -> Operator:
    """Give an operator another role, name or language, or close their account. Raises LastOwner."""
    owners = lock_owners()
    if (role != Role.OWNER or not active) and owners == [operator.pk]:
        raise LastOwner
    operator.role, operator.is_active = role, active
    operator.first_name, operator.language = name, language
    operator.save(update_fields=["role", "is_active", "first_name", "language"])
    import_string("loyalty.console.roles.assign")(operator)
    return operator


def reset_password(*, operator: Operator) -> str:
    """A new random password, which is stored as a hash alone. Sessions with the old one end."""
    password = secrets.token_urlsafe(12)
    operator.set_password(password)
    operator.save(update_fields=["password"])
    return password
