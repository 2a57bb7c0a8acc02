"""``when`` compiled: nested all, any and none of conditions become two closures per rule.

A closure answers 0 if its condition holds, else the number of the condition that failed; numbers grow
in reading order, so of several lines the one that got furthest names the failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from campaigns.engine.facts import FactType, spec_of
from campaigns.engine.predicates import Predicate, allowed, category_prefixes, predicate
from campaigns.engine.windows import Window, compile_window

Facts = Mapping[str, Any]
Test = Callable[[Facts, Any], int]
NODES: Final = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for the event as a whole, and what for each line; None where nothing must."""

    event_test: Test | None
    line_test: Test | None
    paths: tuple[str, ...]
    facts: frozenset[str]
    windows: tuple[Window, ...]


@dataclass(slots=True)
class _Compiler:
    tiers: Sequence[str]
    paths: list[str] = field(default_factory=lambda: [""])
    facts: set[str] = field(default_factory=set)
    windows: dict[str, Window] = field(default_factory=dict)

    def mark(self, path: str) -> int:
        self.paths.append(path)
        return len(self.paths) - 1

    def node(self, node: Mapping[str, Any], path: str) -> tuple[Test, bool]:
        """The test of a node, and whether it looks at lines."""
        if "fact" in node:
            return self.leaf(node, path)
        parts = [self.group(kind, node[kind], f"{path}/{kind}") for kind in NODES if kind in node]
        if len(parts) == 1:
            return parts[0]
        return _all([test for test, _ in parts]), any(lines for _, lines in parts)

    def group(self, kind: str, children: Sequence[Mapping[str, Any]], path: str) -> tuple[Test, bool]:
        if kind == "all":
            compiled = [self.node(child, f"{path}/{n}") for n, child in enumerate(children)]
            return _all([test for test, _ in compiled]), any(lines for _, lines in compiled)
        own = self.mark(path)
        marked: list[tuple[int, Test, bool]] = []
        for n, child in enumerate(children):
            mark = self.mark(f"{path}/{n}") if kind == "none" else own
            marked.append((mark, *self.node(child, f"{path}/{n}")))
        lines = any(sees for _, _, sees in marked)
        if kind == "any":
            return _any([test for _, test, _ in marked], own), lines
        return _none([(test, mark) for mark, test, _ in marked]), lines

    def leaf(self, leaf: Mapping[str, Any], path: str) -> tuple[Test, bool]:
        spec = spec_of(leaf["fact"])
        if spec is None:
            raise ValueError(f"unknown fact {leaf['fact']!r} at {path}")
        name = spec.name
        if spec.windowed:
            window = compile_window(leaf)
            self.windows[window.key] = window
            name = window.key
        elif spec.scope != "line":
            self.facts.add(name)
        failed = self.mark(path)
        on_line = spec.scope == "line"
        test = predicate(spec.type, leaf["op"], leaf["value"], self.tiers)
        if on_line:
            return _of_line(name.removeprefix("line."), spec.type, leaf, test, failed), True
        return _of_event(name, spec.type, leaf, test, failed), False


def _of_line(name: str, kind: FactType, leaf: Mapping[str, Any], test: Predicate, failed: int) -> Test:
    """A condition on a line; the commonest ones without a call in between."""
    if kind == "category" and leaf["op"] in ("eq", "in"):
        prefixes = category_prefixes(leaf["value"])
        return lambda _facts, line: 0 if line.category.startswith(prefixes) else failed
    read = attrgetter(name)
    wanted = allowed(kind, leaf["op"], leaf["value"])
    if wanted is not None:
        return lambda _facts, line: 0 if read(line) in wanted else failed
    return lambda _facts, line: 0 if test(read(line)) else failed


def _of_event(name: str, kind: FactType, leaf: Mapping[str, Any], test: Predicate, failed: int) -> Test:
    """A condition on the event as a whole; the commonest ones without a call in between."""
    wanted = allowed(kind, leaf["op"], leaf["value"])
    if wanted is not None:
        return lambda facts, _line: 0 if facts[name] in wanted else failed
    return lambda facts, _line: 0 if test(facts[name]) else failed


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def check(facts: Facts, line: Facts) -> int:
        for test in tests:
            failed = test(facts, line)
            if failed:
                return failed
        return 0

    return check


def _any(tests: Sequence[Test], failed: int) -> Test:
    def check(facts: Facts, line: Facts) -> int:
        for test in tests:
            if not test(facts, line):
                return 0
        return failed

    return check


def _none(tests: Sequence[tuple[Test, int]]) -> Test:
    def check(facts: Facts, line: Facts) -> int:
        for test, failed in tests:
            if not test(facts, line):
                return failed
        return 0

    return check


def compile_conditions(when: Mapping[str, Any] | None, tiers: Sequence[str] = ()) -> Conditions:
    """Compile a ``when``; conditions of its top-level ``all`` that see no line are judged once per event."""
    compiler = _Compiler(tiers)
    parts: list[tuple[Test, bool]] = []
    when = when or {}
    if "fact" in when:
        parts.append(compiler.leaf(when, "/when"))
    for kind in NODES:
        if kind == "all":
            parts += [compiler.node(child, f"/when/all/{n}") for n, child in enumerate(when.get("all") or ())]
        elif kind in when:
            parts.append(compiler.group(kind, when[kind], f"/when/{kind}"))
    event_tests = [test for test, lines in parts if not lines]
    line_tests = [test for test, lines in parts if lines]
    return Conditions(
        event_test=_all(event_tests) if event_tests else None,
        line_test=_all(line_tests) if line_tests else None,
        paths=tuple(compiler.paths),
        facts=frozenset(compiler.facts),
        windows=tuple(compiler.windows.values()),
    )
