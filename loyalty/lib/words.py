"""Texts that brands give in several languages, stored as `{"zh-hans": …, "en": …}`."""

from collections.abc import Mapping

from django.utils import translation

LANGUAGES = ("zh-hans", "en")


def language() -> str:
    """The active language, as texts in several languages name it: Chinese where it is neither."""
    return "en" if (translation.get_language() or "").startswith("en") else "zh-hans"


def pick(texts: Mapping[str, str] | str | None, language: str | None = None) -> str:
    """The text in `language` (default: the active one), else in another that exists, else ''."""
    if not texts:
        return ""
    if isinstance(texts, str):
        return texts
    wanted = (language or translation.get_language() or LANGUAGES[0]).lower()
    for candidate in (wanted, wanted.split("-")[0], *LANGUAGES):
        if texts.get(candidate):
            return texts[candidate]
    return next(iter(texts.values()), "")
