"""Simulation: the recorded orders of a period judged once more, by today's rules and with drafts among them.

Use as `from campaigns.services import simulation`. It writes nothing but the job that it is.
"""

from campaigns.services.simulation.asking import KIND, SCOPE, ask
from campaigns.services.simulation.findings import in_words
from campaigns.services.simulation.running import run
from campaigns.services.simulation.scenario import FIELDS, MOST_ORDERS, MOST_RULES, Scenario, parse
from campaigns.services.simulation.tally import Priced

__all__ = [
    "FIELDS",
    "KIND",
    "MOST_ORDERS",
    "MOST_RULES",
    "SCOPE",
    "Priced",
    "Scenario",
    "ask",
    "in_words",
    "parse",
    "run",
]
