"""The operators of a brand: closing an account warns where nobody is left to be the second."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from loyalty.console import approvers
from tenants.operators.admin import OperatorAdmin
from tenants.operators.models import Operator


class OperatorPage(OperatorAdmin):
    """Who works here, in which role."""

    def save_model(self, request: HttpRequest, obj: Operator, form: Any, change: bool) -> None:
        """Who is closed or gets another role may have been the last who could agree with somebody."""
        super().save_model(request, obj, form, change)
        if change and {"role", "active"} & set(form.changed_data) and (short := approvers.short_of_two()):
            told = _(
                "Fewer than two active operators may now agree to: %(what)s. What is submitted there waits "
                "until there is another: add an owner."
            )
            messages.warning(request, told % {"what": ", ".join(short)})
