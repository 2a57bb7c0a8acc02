"""The transparency log in the console: checkpoints to look at, receipts and checkpoints to take away."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.lib.console import EndlessPage
from loyalty.lib.display import code, instant, number
from loyalty.lib.errors import Refusal, Text
from points import receipts
from points.models import Checkpoint, Entry


class Download:
    """A page with a file to take away, at `<object>/<file_name>`; who may look may take it."""

    file_name: ClassVar[str] = ""
    file_type: ClassVar[str] = ""
    model: Any
    admin_site: Any
    get_object: Callable[..., Any]
    has_view_permission: Callable[..., bool]

    def content_of(self, obj: Any) -> str:
        """The file. Raises Refusal where there is none yet."""
        raise AssertionError(obj)

    def file_of(self, obj: Any) -> str:
        """What tells one object's file from another's, in the file's name."""
        return str(obj.pk)

    def get_urls(self) -> list[URLPattern]:
        """The admin's routes and that of the file."""
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_file"
        view = self.admin_site.admin_view(self._file_view)
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path(f"<path:object_id>/{self.file_name}", view, name=name), *urls]

    def file_link(self, obj: Any, text: Text) -> SafeString:
        """A link that takes the file."""
        meta = self.model._meta
        target = reverse(f"admin:{meta.app_label}_{meta.model_name}_file", args=[obj.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', target, text)

    def _file_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        try:
            content = self.content_of(obj)
        except Refusal as refusal:
            raise Http404 from refusal
        stem, ending = self.file_name.rsplit(".", 1)
        name = f"{stem}-{self.file_of(obj)}.{ending}"
        answer = HttpResponse(content, content_type=f"{self.file_type}; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


class ReceiptOfEntry(Download):
    """An entry's receipt, for its page."""

    file_name = "receipt.json"
    file_type = "application/json"

    def content_of(self, obj: Entry) -> str:
        """The receipt as JSON. Raises NotSealedYet."""
        return json.dumps(receipts.receipt(obj.pk), ensure_ascii=False, indent=2) + "\n"

    @display(description=_("receipt"))
    def receipt_n(self, entry: Entry) -> SafeString | str:
        """A link to the receipt, once there is one."""
        if not receipts.is_sealed(entry):
            return str(_("not sealed yet; this takes less than a minute"))
        return self.file_link(entry, _("Download the receipt"))


@admin.register(Checkpoint)
class CheckpointAdmin(Download, EndlessPage):
    """What the brand signed of its ledger: so many entries, this root."""

    file_name = "checkpoint.txt"
    file_type = "text/plain"
    list_display = ("when", "size_n", "root_n")
    ordering = ("-size",)
    fieldsets = ((None, {"fields": (("when", "size_n"), "root_n", "signed_n", "file_n")}),)
    readonly_fields = ("when", "size_n", "root_n", "signed_n", "file_n")

    def content_of(self, obj: Checkpoint) -> str:
        """The signed note."""
        return obj.note

    def file_of(self, obj: Checkpoint) -> str:
        """Its size."""
        return str(obj.size)

    @display(description=_("signed at"))
    def when(self, signed: Checkpoint) -> str:
        """When it was signed, in the brand's time."""
        return instant(signed.signed_at)

    @display(description=_("leaves"))
    def size_n(self, signed: Checkpoint) -> SafeString:
        """How many entries the log had."""
        return number(signed.size)

    @display(description=_("root"))
    def root_n(self, signed: Checkpoint) -> SafeString:
        """The root over them, in base64."""
        return code(receipts.shape(signed)["root"])

    @display(description=_("signed note"))
    def signed_n(self, signed: Checkpoint) -> SafeString:
        """The note as others keep it."""
        return format_html('<pre class="json">{}</pre>', signed.note)

    @display(description=_("file"))
    def file_n(self, signed: Checkpoint) -> SafeString:
        """A link to the note."""
        return self.file_link(signed, _("Download the checkpoint"))
