"""Runs simulations of earning rules, and turns their points into money by dated unit costs."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.services import simulation
from loyalty.analytics.finance import costs
from loyalty.analytics.finance.costs import Costs
from loyalty.outbox import jobs
from loyalty.outbox.models import Job


@dataclass(frozen=True, slots=True)
class Prices:
    """Unit costs as a simulation asks for them."""

    costs: Costs

    @property
    def currency(self) -> str:
        """The brand's money."""
        return self.costs.currency

    def micro(self, points_currency: str, at: datetime) -> int:
        """The cost of one point at the instant, in millionths; a unit cost has no more digits."""
        return int(self.costs.at(points_currency, at).scaleb(6))


@jobs.runs(simulation.KIND, lane="reading")
def run(job: Job, _time_left: jobs.TimeLeft) -> bool:
    """Simulate in one go, and keep the outcome with the job."""
    scenario = simulation.Scenario.of(job.params)
    result = simulation.run(
        scenario,
        priced=Prices(costs.load()),
        until=job.created_at,
        note=lambda done, counts: jobs.progress(job, done=min(done, job.total), counts=counts),
    )
    jobs.keep_result(job, result)
    return True
