"""The matrix of law as the engine reads it; it stands in `loyalty.lib`, because the mall keeps it too."""

from loyalty.lib.compliance import (
    ACTS,
    ADULT_AGE,
    ADULT_TAG,
    INFANT_TAGS,
    POLICIES,
    STRICT,
    TODDLER_ACTS,
    TODDLER_TAG,
    Act,
    ComplianceMatrix,
    is_wechat_share,
)

__all__ = [
    "ACTS",
    "ADULT_AGE",
    "ADULT_TAG",
    "INFANT_TAGS",
    "POLICIES",
    "STRICT",
    "TODDLER_ACTS",
    "TODDLER_TAG",
    "Act",
    "ComplianceMatrix",
    "is_wechat_share",
]
