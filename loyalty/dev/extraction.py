"""Find every translatable text and bring locale/ up to date, without gettext on the machine.

Texts of the project are taken from its Python files and templates. Those of unfold, which brings no Chinese,
are taken along unless Django's own catalogues have them.
"""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib

from loyalty.dev.places import ROOT

ROOMS = ("loyalty", "tenants", "members", "points", "mall", "campaigns", "partners")
FOREIGN = ("unfold",)
# Parts of unfold for packages that are not installed here.
UNUSED = ("constance", "guardian", "import_export", "location_field", "simple_history", "unfold_crispy")
LANGUAGE = "zh_Hans"
CATALOGUE = ROOT / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
HEADER = {
    "Project-Id-Version": "loyalty",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "Language": LANGUAGE,
    "Plural-Forms": "nplurals=1; plural=0;",
}
# Function → which of its arguments are context, text and plural.
CALLS: dict[str, tuple[int | None, int, int | None]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (None, 0, None)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (None, 0, 1)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (0, 1, None)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (0, 1, 2)),
}
_LITERAL = r"u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
_IN_TEMPLATE = re.compile(rf"\b(_|n?p?gettext)\(\s*({_LITERAL}(?:\s*,\s*{_LITERAL})*)")
_ONE = re.compile(_LITERAL)


@dataclass(frozen=True)
class Text:
    """One text to translate; `places` says where it stands."""

    msgid: str
    context: str | None = None
    plural: str | None = None
    places: set[str] = field(default_factory=set, compare=False)


def texts(root: Path = ROOT) -> list[Text]:
    """All texts of the project and, where Django does not know them, of the packages without Chinese."""
    found: dict[tuple[str | None, str], Text] = {}
    for room in ROOMS:
        _collect(found, root / room, root)
    known = _of_django()
    for package in FOREIGN:
        foreign: dict[tuple[str | None, str], Text] = {}
        _collect(foreign, _folder_of(package), _folder_of(package).parent)
        for key, text in foreign.items():
            if key not in known and key not in found:
                found[key] = text
    return [found[key] for key in sorted(found, key=lambda key: (key[1], key[0] or ""))]


def update(path: Path = CATALOGUE) -> tuple[int, int, int]:
    """Bring the catalogue up to date: how many texts it has, how many are new, how many went away."""
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    kept = {(entry.msgctxt, entry.msgid): entry for entry in old if not entry.obsolete}
    new = polib.POFile(wrapwidth=110)
    new.metadata = HEADER
    added = 0
    wanted = texts()
    for text in wanted:
        known = kept.pop((text.context, text.msgid), None)
        added += known is None
        entry = polib.POEntry(msgid=text.msgid, msgctxt=text.context, msgid_plural=text.plural or "")
        entry.occurrences = [(place, "") for place in sorted(text.places)]
        if text.plural:
            entry.msgstr_plural = {0: (known.msgstr_plural.get(0, "") or known.msgstr) if known else ""}
        else:
            entry.msgstr = (known.msgstr or known.msgstr_plural.get(0, "")) if known else ""
        if "%(" in text.msgid or re.search(r"%[sd]", text.msgid):
            entry.flags = ["python-format"]
        new.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    new.save(str(path))
    return len(wanted), added, len(kept)


def _collect(found: dict[tuple[str | None, str], Text], folder: Path, base: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if not {"migrations", "__pycache__", *UNUSED}.isdisjoint(path.parts):
            continue
        if path.suffix == ".py":
            calls = _in_python(path.read_text())
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            calls = _in_template(path.read_text(), str(path))
        else:
            continue
        for name, arguments in calls:
            context, text, plural = CALLS[name]
            if len(arguments) <= max(part for part in (context, text, plural) if part is not None):
                continue
            key = (None if context is None else arguments[context], arguments[text])
            plain = None if plural is None else arguments[plural]
            known = found.setdefault(key, Text(key[1], key[0], plain))
            if known.plural is None and plain is not None:
                known = found[key] = Text(key[1], key[0], plain, known.places)
            known.places.add(path.relative_to(base).as_posix())


def _in_python(source: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in CALLS:
            values = [a.value if isinstance(a, ast.Constant) else None for a in node.args]
            strings = [value for value in values if isinstance(value, str)]
            if strings and isinstance(values[0], str) and strings[0]:
                yield name, strings


def _in_template(source: str, name: str) -> Iterator[tuple[str, list[str]]]:
    from django.utils.translation.template import templatize  # noqa: PLC0415  after Django's settings

    for match in _IN_TEMPLATE.finditer(templatize(source, name)):
        strings = [ast.literal_eval(text.removeprefix("u")) for text in _ONE.findall(match[2])]
        if match[1] in CALLS and strings[0]:
            yield match[1], strings


def _of_django() -> set[tuple[str | None, str]]:
    """What Django's own Chinese catalogues translate."""
    known: set[tuple[str | None, str]] = set()
    for path in sorted(_folder_of("django").glob(f"**/locale/{LANGUAGE}/LC_MESSAGES/django.mo")):
        known |= {(entry.msgctxt, entry.msgid) for entry in polib.mofile(str(path))}
    return known


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent


def main() -> int:
    """`python -m loyalty.dev.extraction`: update the catalogue; list what waits for a translation."""
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    if not settings.configured:
        settings.configure(USE_I18N=True)
        django.setup()
    total, added, gone = update()
    waiting = [entry.msgid for entry in polib.pofile(str(CATALOGUE)) if not entry.translated()]
    print(f"{total} texts, {added} new, {gone} gone, {len(waiting)} without translation")
    for msgid in waiting:
        print(f"  {msgid!r}")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
