from loyalty.analytics.models.verification import Verification

__all__ = ["Verification"]
