"""`make soak ARGS=bank`: fifty clients move points among ten accounts while the whole book is read."""

from __future__ import annotations

import argparse

from tests.soak import ground, load
from tests.soak.report import Report


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='bank …'", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="half a minute")
    chosen = parser.parse_args(arguments)
    seconds = 30.0 if chosen.quick else chosen.minutes * 60
    ground.prepare("bank")
    report = Report("bank")
    bank = load.Bank(report, accounts=chosen.accounts, clients=chosen.clients)
    bank.open()
    before = load.server_counts()
    with ground.server(ground.log("bank")) as address:
        bank.run(address, seconds, "bank")
    after = load.server_counts()
    report.figure("clients", chosen.clients)
    report.figure("accounts", chosen.accounts)
    report.figure("transfers answered per second", f"{sum(bank.answers.values()) / seconds:,.0f}")
    bank.tell()
    report.must("deadlocks", ["seen by Postgres"] * (after["deadlocks"] - before["deadlocks"]))
    report.must("books in disorder", ground.unsound())
    ground.leave()
    return report.end()
