"""What one of a brand's points is called in English: the name in the singular. Pure."""

from __future__ import annotations

import re
from typing import Final

# An "s" behind one of these is no plural: bonus, class, plus, basis, gas.
_SINGULAR: Final = re.compile(r"(ss|us|is|as)\Z", re.IGNORECASE)
_WITH_ES: Final = re.compile(r"(ch|sh|x|ss|zz)es\Z", re.IGNORECASE)
# Berries and cherries, but not cookies and movies.
_WITH_Y: Final = re.compile(r"(?<=[^aeiou\W])(?<!ook)(?<!ov)ies\Z", re.IGNORECASE)


def one_of(name: str) -> str:
    """The singular of a name: beans → bean, peaches → peach, berries → berry. One that is no plural stays."""
    if _WITH_Y.search(name):
        return _WITH_Y.sub("Y" if name.isupper() else "y", name)
    if _WITH_ES.search(name):
        return name[:-2]
    if name[-1:] in "sS" and len(name) > 2 and not _SINGULAR.search(name):
        return name[:-1]
    return name
