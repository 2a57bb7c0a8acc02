"""What the console pages of all rooms share: read-only tables, and operations that ask before they act."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator

from loyalty.lib import formfaults
from loyalty.lib.errors import FieldError, Invalid, Refusal, Text
from loyalty.lib.timefields import DayField, DayInput, MomentField, MomentInput

Run = Callable[[Any, HttpRequest, Any, dict[str, Any]], Text | None]


def errors_of(refusal: Refusal) -> list[str]:
    """A refusal in words, one line a fault."""
    if isinstance(refusal, Invalid) and refusal.errors:
        return [f"{e.pointer}: {e.detail}" if e.pointer else str(e.detail) for e in refusal.errors]
    return [str(refusal.detail)]


def actor(request: HttpRequest) -> str:
    """Who acts, as it is written into ledgers and versions."""
    return f"operator:{request.user.get_username()}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What an operator sees before an operation: labels with values.

    `preview`: numbers by which the page reckons on while points are typed (see console.js): `available`,
    `debt`, `limit` and, of a reversal, `left` and `sign`. `warnings` are what speaks against it.
    """

    lines: Sequence[tuple[Text, str]] = ()
    preview: Mapping[str, Any] | None = None
    warnings: Sequence[Text] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A button on an object's page that leads to a question, and with its answer to one service call.

    `run` is called as `run(admin, request, object, cleaned form data)` and returns what to tell the operator.
    `facts` are the numbers that stand beside the question. `fields` names the form's field for refusals that
    speak of one (see formfaults.place). `recorded` is the form's field that the history repeats.
    """

    name: str
    label: Text
    question: Text
    permission: str
    run: Run
    icon: str = "bolt"
    danger: bool = False
    form: type[forms.Form] = forms.Form
    shown: Callable[[Any], bool] = lambda _obj: True
    facts: Callable[[Any], Facts] = lambda _obj: Facts()
    fields: Mapping[str, str] = field(default_factory=dict)
    recorded: str = ""


@dataclass(frozen=True, slots=True)
class PageLink:
    """A button on an object's page that leads to a page of its own: `url_name` takes the object's key."""

    title: Text
    url_name: str
    permission: str
    icon: str
    shown: Callable[[Any], bool] = lambda _obj: True


class Page(ModelAdmin):  # type: ignore[misc]
    """An admin page of ours: bounded queries, operations, no bulk delete."""

    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True
    formfield_overrides: ClassVar[Mapping[Any, Any]] = {
        models.DateField: {"form_class": DayField, "widget": DayInput},
        models.DateTimeField: {"form_class": MomentField, "widget": MomentInput},
    }
    actions: ClassVar[Sequence[Any]] = ()
    operations: ClassVar[Sequence[Operation]] = ()
    links: ClassVar[Sequence[PageLink]] = ()
    search_named: ClassVar[Sequence[str]] = ()
    """Names in several languages (JSON columns) in which a search looks too."""
    empty_words: ClassVar[Text] = ""
    """What an empty list says of itself: what will stand here, and how it gets there."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list; without search and filters what it found is all there is."""
        found = super().get_changelist_instance(request)
        if not found.query and not found.has_active_filters:
            found.full_result_count = found.result_count
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What the fields find, and what is called so in any language."""
        found, several = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if not term or not self.search_named:
            return found, several
        texts = {
            f"said{number}": Cast(name, models.TextField()) for number, name in enumerate(self.search_named)
        }
        called = Q()
        for name in texts:
            called |= Q(**{f"{name}__icontains": term})
        named = queryset.alias(**texts).filter(called).values("pk")
        return queryset.filter(Q(pk__in=found.order_by().values("pk")) | Q(pk__in=named)), several

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No bulk actions: what is done to many goes through a service of its own."""
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted in the console; things are retired, revoked, suspended."""
        return False

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Tables of what belongs to the object, once there is one."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def get_urls(self) -> list[URLPattern]:
        """The admin's routes and one for each operation."""
        info = (self.model._meta.app_label, self.model._meta.model_name)
        ours = [
            path(
                f"<path:object_id>/{operation.name}/",
                self.admin_site.admin_view(self._operation_view),
                {"operation": operation},
                name="{}_{}_{}".format(*info, operation.name.replace("-", "_")),
            )
            for operation in self.operations
        ]
        urls: list[URLPattern] = ours + super().get_urls()
        return urls

    def panels(self, request: HttpRequest, obj: Any) -> Mapping[str, Any]:
        """What the templates before and after the object's form show, by the names that they use."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """The page of one object, with a button for each operation that is possible now."""
        context["show_save_and_add_another"] = False
        if obj is not None:
            context |= self.panels(request, obj)
            context["actions_detail"] = [
                *(context.get("actions_detail") or []),
                *(self._link(link, obj) for link in self.links if self._leads(request, link, obj)),
                *(self._button(operation, obj) for operation in self._possible(request, obj)),
            ]
        page: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return page

    def _possible(self, request: HttpRequest, obj: Any) -> list[Operation]:
        return [o for o in self.operations if request.user.has_perm(o.permission) and o.shown(obj)]

    def _leads(self, request: HttpRequest, link: PageLink, obj: Any) -> bool:
        return bool(request.user.has_perm(link.permission)) and link.shown(obj)

    def _link(self, link: PageLink, obj: Any) -> dict[str, Any]:
        return {
            "title": link.title,
            "icon": link.icon,
            "variant": ActionVariant.DEFAULT,
            "attrs": {},
            "dialog": None,
            "path": reverse(link.url_name, args=[obj.pk]),
        }

    def _button(self, operation: Operation, obj: Any) -> dict[str, Any]:
        meta = self.model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}_{operation.name.replace('-', '_')}"
        return {
            "title": operation.label,
            "icon": operation.icon,
            "variant": ActionVariant.DEFAULT,
            "attrs": {},
            "dialog": None,
            "path": reverse(name, args=[quote(obj.pk)]),
        }

    def _operation_view(self, request: HttpRequest, object_id: str, operation: Operation) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not request.user.has_perm(operation.permission):
            raise PermissionDenied
        meta = self.model._meta
        back = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(obj.pk)])
        if not operation.shown(obj):
            messages.warning(request, _("This is not possible in the present state."))
            return HttpResponseRedirect(back)
        form = operation.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and self._perform(request, operation, obj, form):
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": operation.label,
            "opts": meta,
            "original": obj,
            "operation": operation,
            "form": form,
            "facts": operation.facts(obj),
            "back": back,
        }
        return TemplateResponse(request, "console/operation.html", context)

    def _perform(self, request: HttpRequest, operation: Operation, obj: Any, form: forms.Form) -> bool:
        try:
            with transaction.atomic():
                told = operation.run(self, request, obj, form.cleaned_data)
        except Refusal as refusal:
            formfaults.place(form, refusal, operation.fields)
            return False
        why = form.cleaned_data.get(operation.recorded)
        self.log_change(request, obj, f"{operation.label}: {why}" if why else str(operation.label))
        messages.success(request, str(told or _("Done.")))
        return True


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose object a service writes; a refusal becomes the form's error, and nothing is written.

    `actor` is set by the page. `fields_of` names the form's field for a refusal (see formfaults.place).
    """

    actor: ClassVar[str] = ""
    fields_of: ClassVar[Mapping[str, str]] = {}
    written: Any = None

    def write(self, data: dict[str, Any]) -> Any:
        """Call the service; the object. Raises Refusal."""
        raise AssertionError(data)

    def faults(self, data: dict[str, Any]) -> Iterable[FieldError]:
        """What the service would refuse of the fields that could be read, where others could not."""
        return ()

    def clean(self) -> dict[str, Any]:
        """The cleaned data, after the service has taken them."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            wrong = set(self.errors)
            more = [
                each
                for each in self.faults(data)
                if formfaults.field_of(self, each, self.fields_of) not in wrong
            ]
            formfaults.say(self, more, self.fields_of)
            return data
        try:
            with transaction.atomic():
                self.written = self.write(data)
        except Refusal as refusal:
            self._refused(refusal)
        return data

    def _refused(self, refusal: Refusal) -> None:
        formfaults.place(self, refusal, self.fields_of)

    def _post_clean(self) -> None:
        """The service alone validates and writes the model."""

    def save(self, commit: bool = True) -> Any:
        """What the service wrote."""
        self.save_m2m = lambda: None  # type: ignore[method-assign]
        return self.written


class ServicePage(Page):
    """A page whose form is a `ServiceForm`."""

    def form_of(self, obj: Any) -> type[ServiceForm]:
        """The form for an object, or for a new one (None)."""
        form: type[ServiceForm] = self.form
        return form

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which knows who writes."""
        if self.has_change_permission(request, obj) if change else self.has_add_permission(request):
            form = self.form_of(obj)
            return type(form.__name__, (form,), {"actor": actor(request)})
        return super().get_form(request, obj, change, **{**kwargs, "fields": (), "form": forms.ModelForm})

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """The service has written it."""
        return form.save()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the service has written it."""


class ReadOnly:
    """Of tables that only services write: to be looked at, never edited here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class ReadOnlyPage(ReadOnly, Page):
    """A page of a table that only services write."""


class EndlessPage(ReadOnlyPage):
    """A page of a table that grows without end: its list goes by an index, and nobody counts or sorts it."""

    paginator = InfinitePaginator
    sortable_by = ()


class ValueFilter(SimpleListFilter):
    """Filters by the values of `parameter_name` that `values` lists, without looking through the table."""

    def values(self) -> Sequence[str]:
        """What may be chosen."""
        return ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Each value under its own name."""
        return [(value, value) for value in self.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with the chosen value, or all."""
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ReadOnlyTable(ReadOnly, TabularInline):  # type: ignore[misc]
    """Rows of a table that only services write, on the page of what they belong to."""

    extra = 0
    per_page = 20
    show_change_link = False
    hide_title = True
    tab = True
    can_delete = False


class JsonArea(forms.Textarea):
    """A text area for JSON, in a fixed-width face and indented."""

    def __init__(self, rows: int = 18) -> None:
        super().__init__(attrs={"rows": rows, "class": "json-area", "spellcheck": "false"})

    def format_value(self, value: Any) -> str | None:
        """The JSON, indented; what does not parse is shown as it was typed."""
        if not isinstance(value, str):
            shown: str | None = super().format_value(value)
            return shown
        try:
            return json.dumps(json.loads(value), ensure_ascii=False, indent=2)
        except ValueError:
            return value
