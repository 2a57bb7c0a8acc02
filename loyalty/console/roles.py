"""Roles of operators: a Group for each, in the brand's schema."""

from datetime import datetime

from django.contrib.auth.models import Group

from tenants.operators.models import Operator, Role


def install(template: str, *, now: datetime) -> None:
    """Create the groups of the roles. Safe to repeat."""
    for role in Role.values:
        Group.objects.get_or_create(name=role)


def assign(operator: Operator) -> None:
    """Put the operator into the group of their role, and into no other."""
    group, _created = Group.objects.get_or_create(name=operator.role)
    operator.groups.set([group])
