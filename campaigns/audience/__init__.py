"""Audiences as data: a definition is checked, made into one query over the members, and said in words."""

from campaigns.audience.definition import Definition, Filter, Surroundings, parse
from campaigns.audience.query import Count, Shares, count, portion, sample, shares, where
from campaigns.audience.sentences import in_words

__all__ = [
    "Count",
    "Definition",
    "Filter",
    "Shares",
    "Surroundings",
    "count",
    "in_words",
    "parse",
    "portion",
    "sample",
    "shares",
    "where",
]
