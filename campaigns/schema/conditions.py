"""Conditions checked against the facts: known, of this trigger, with an operator and values that fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.conditions import NODES
from campaigns.engine.exact import parse_number
from campaigns.engine.facts import BIRTHDAYS, OPERATORS, FactSpec, spec_of
from campaigns.engine.predicates import as_bool
from campaigns.engine.windows import first_day
from campaigns.schema.context import CheckContext, Named
from campaigns.schema.structure import pointer_of
from loyalty.lib.errors import FieldError

MAX_DEPTH: Final = 10
MAX_CONDITIONS: Final = 200
MAX_VALUES: Final = 2000
_LEAF: Final = frozenset({"fact", "op", "value", "window", "where"})
_WHERE: Final = frozenset({"min_amount", "category", "distinct_days"})
_LISTS: Final = frozenset({"in", "not_in"})
_NEVER_SEEN: Final = {"line.category": "category", "line.sku": "sku", "order.store_id": "store"} | {
    "member.segments": "segment"
}


class ConditionCheck:
    """Walks a ``when`` and collects its errors and the names of things it speaks of."""

    def __init__(self, context: CheckContext, trigger: str) -> None:
        self.context, self.trigger = context, trigger
        self.errors: list[FieldError] = []
        self.named: list[Named] = []
        self._count = 0

    def check(self, when: Any, path: str = "/when") -> None:
        """Check a rule's ``when``; an empty one always holds."""
        if isinstance(when, dict) and when:
            self._node(when, path, 0)

    def _fail(self, pointer: str, code: str, detail: Any) -> None:
        self.errors.append(FieldError(pointer, code, detail))

    def _node(self, node: Any, path: str, depth: int) -> None:
        if not isinstance(node, dict):
            self._fail(path, "type", _("Must be an object."))
            return
        if depth > MAX_DEPTH:
            self._fail(
                path, "too_deep", _("Conditions may be nested at most %(max)d deep.") % {"max": MAX_DEPTH}
            )
            return
        if "fact" in node or "op" in node:
            self._leaf(node, path)
            return
        for key in node:
            if key not in NODES:
                self._fail(path + pointer_of(key), "unknown_field", _("Unknown field."))
        groups = [kind for kind in NODES if kind in node]
        if not groups:
            self._fail(path, "required", _("Needs a condition, or one of: all, any, none."))
        for kind in groups:
            children = node[kind]
            if not isinstance(children, list):
                self._fail(f"{path}/{kind}", "type", _("Must be a list."))
            elif kind == "any" and not children:
                self._fail(f"{path}/any", "never_matches", _("An empty “any” never matches."))
            else:
                for n, child in enumerate(children):
                    self._node(child, f"{path}/{kind}/{n}", depth + 1)

    def _leaf(self, leaf: dict[str, Any], path: str) -> None:
        self._count += 1
        if self._count == MAX_CONDITIONS + 1:
            self._fail(path, "too_many", _("At most %(max)d conditions.") % {"max": MAX_CONDITIONS})
        for key in sorted(set(leaf) - _LEAF):
            self._fail(path + pointer_of(key), "unknown_field", _("Unknown field."))
        missing = [key for key in ("fact", "op", "value") if key not in leaf]
        for key in missing:
            self._fail(f"{path}/{key}", "required", _("This field is required."))
        if missing:
            return
        spec = spec_of(leaf["fact"]) if isinstance(leaf["fact"], str) else None
        if spec is None:
            self._fail(f"{path}/fact", "unknown_fact", _("Unknown fact “%(fact)s”.") % {"fact": leaf["fact"]})
            return
        if not spec.on(self.trigger):
            sentence = _("The trigger %(trigger)s does not have the fact %(fact)s.")
            self._fail(
                f"{path}/fact", "fact_not_on_trigger", sentence % {"trigger": self.trigger, "fact": spec.name}
            )
        self._window(spec, leaf, path)
        if not isinstance(leaf["op"], str) or leaf["op"] not in OPERATORS[spec.type]:
            sentence = _("The fact %(fact)s takes these operators: %(ops)s.")
            known = ", ".join(sorted(OPERATORS[spec.type]))
            self._fail(f"{path}/op", "operator", sentence % {"fact": spec.name, "ops": known})
            return
        self._value(spec, leaf["op"], leaf["value"], f"{path}/value")

    def _window(self, spec: FactSpec, leaf: Mapping[str, Any], path: str) -> None:
        if not spec.windowed:
            for key in ("window", "where"):
                if key in leaf:
                    self._fail(f"{path}/{key}", "not_windowed", _("This fact is not counted over a window."))
            return
        window = leaf.get("window")
        try:
            first_day(str(window), self.context.today)
        except ValueError:
            detail = _("Must be one of: week, month, quarter, year, days:N.")
            self._fail(f"{path}/window", "required" if window is None else "choice", detail)
        if leaf.get("where") is not None:
            self._where(spec, leaf["where"], f"{path}/where")

    def _where(self, spec: FactSpec, where: Any, path: str) -> None:
        if not isinstance(where, dict):
            self._fail(path, "type", _("Must be an object."))
            return
        for key in sorted(set(where) - _WHERE):
            self._fail(path + pointer_of(key), "unknown_field", _("Unknown field."))
        if "min_amount" in where and parse_number(where["min_amount"]) is None:
            self._fail(f"{path}/min_amount", "type", _("Must be a number."))
        if not isinstance(where.get("distinct_days", False), bool):
            self._fail(f"{path}/distinct_days", "type", _("Must be true or false."))
        elif where.get("distinct_days") and spec.name != "member.orders.count":
            detail = _("Only a number of orders can be counted by distinct days.")
            self._fail(f"{path}/distinct_days", "not_counted", detail)
        if "category" not in where:
            return
        categories = where["category"] if isinstance(where["category"], list) else [where["category"]]
        if not categories or not all(isinstance(each, str) and each for each in categories):
            self._fail(f"{path}/category", "type", _("Must be a list of texts."))
        else:
            self.named += [Named("category", each, f"{path}/category") for each in categories]

    def _value(self, spec: FactSpec, op: str, value: Any, path: str) -> None:
        if op in _LISTS and not isinstance(value, list):
            self._fail(path, "type", _("Must be a list."))
            return
        if op == "between" and not (isinstance(value, list) and len(value) == 2):
            self._fail(path, "type", _("Must be a list of two values, the lower one first."))
            return
        many = op in _LISTS or op in ("between", "has")
        if isinstance(value, list) and not many:
            self._fail(path, "type", _("Must be a single value."))
            return
        if value == []:
            self._fail(path, "never_matches", _("An empty list never matches."))
            return
        values = value if isinstance(value, list) else [value]
        if len(values) > MAX_VALUES:
            self._fail(path, "too_many", _("At most %(limit)s items.") % {"limit": MAX_VALUES})
            return
        before = len(self.errors)
        for n, each in enumerate(values):
            at = f"{path}/{n}" if isinstance(value, list) else path
            self.errors += self._single(spec, op, each, at)
        if op == "between" and len(self.errors) == before:
            self._between(spec, values, path)

    def _single(self, spec: FactSpec, op: str, value: Any, path: str) -> Iterator[FieldError]:
        if isinstance(value, dict | list) or value is None:
            yield FieldError(path, "type", _("Must be a single value."))
        elif spec.type in ("number", "decimal", "ages") or (spec.type == "any" and op in _ORDERED):
            if parse_number(value) is None:
                yield FieldError(path, "type", _("Must be a number."))
        elif spec.type == "bool":
            try:
                as_bool(value)
            except ValueError:
                yield FieldError(path, "type", _("Must be true or false."))
        elif spec.type == "birthday":
            if value not in BIRTHDAYS:
                choices = ", ".join(BIRTHDAYS)
                yield FieldError(path, "choice", _("Must be one of: %(choices)s.") % {"choices": choices})
        elif spec.type != "any":
            if isinstance(value, bool) or not str(value).strip():
                yield FieldError(path, "type", _("Must be a text."))
            elif spec.type == "tier" and str(value) not in self.context.tiers:
                yield FieldError(path, "unknown_tier", _("Unknown tier “%(tier)s”.") % {"tier": value})
            elif spec.name in _NEVER_SEEN:
                self.named.append(Named(_NEVER_SEEN[spec.name], str(value), path))

    def _between(self, spec: FactSpec, values: list[Any], path: str) -> None:
        if spec.type == "tier":
            low, high = (self.context.tiers.index(str(each)) for each in values)
            reversed_ = low > high
        else:
            first, second = (parse_number(each) for each in values)
            reversed_ = first is not None and second is not None and first > second
        if reversed_:
            self._fail(path, "never_matches", _("The lower value comes first, or nothing matches."))


_ORDERED: Final = frozenset({"gt", "gte", "lt", "lte", "between"})
