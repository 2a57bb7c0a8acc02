"""Asking for a cell of the matrix to be unlocked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from loyalty.lib import compliancewords
from loyalty.lib.errors import FieldError
from loyalty.lib.foureyes import LONGEST_NOTE
from tenants.operators.compliancechanges import LONGEST_COUNSEL, Cell

BETWEEN: Final = ":"


class AskForm(forms.Form):
    """Which cell, counsel's note, why; and the password where nobody else could agree."""

    cell = forms.ChoiceField(label=_("Cell of the matrix"), widget=UnfoldAdminSelectWidget)
    counsel = forms.CharField(
        label=_("Counsel's note"),
        max_length=LONGEST_COUNSEL,
        help_text=_("What the brand's lawyer says: who, when, on which ground, within which limits."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_NOTE,
        help_text=_("What it is for."),
        widget=UnfoldAdminTextInputWidget,
    )
    password = forms.CharField(
        label=_("Your password, once more"),
        required=False,
        help_text=_(
            "There is no second operator (an owner, or marketing): it is unlocked 24 hours after you were "
            "told by mail, unless somebody withdraws it."
        ),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "password", "autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, cells: Iterable[Cell], alone: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cell"].choices = [  # type: ignore[attr-defined]
            (f"{tag}{BETWEEN}{act}", compliancewords.cell(tag, act)) for tag, act in cells
        ]
        if alone:
            self.fields["password"].required = True
        else:
            del self.fields["password"]

    def asked(self) -> dict[str, str]:
        """What the service takes."""
        tag, _between, act = self.cleaned_data["cell"].partition(BETWEEN)
        return {
            "tag": tag,
            "act": act,
            "counsel": self.cleaned_data["counsel"],
            "reason": self.cleaned_data["reason"],
        }

    def refuse(self, fault: FieldError) -> None:
        """Say a fault at the field that it came from."""
        name = fault.pointer.strip("/")
        self.add_error(name if name in self.fields else None, str(fault.detail))
