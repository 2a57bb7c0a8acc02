from loyalty.analytics.models.finance import MonthClose, UnitCost
from loyalty.analytics.models.verification import Verification

__all__ = ["MonthClose", "UnitCost", "Verification"]
