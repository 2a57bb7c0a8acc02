"""Routes of this room."""

from django.urls import URLPattern, path

from tenants.operators.api import compliance, policies

partner_urlpatterns: list[URLPattern] = [
    path("policies", policies.PoliciesView.as_view(), name="policies-api"),
    path("policies/changes", policies.PolicyChangesView.as_view(), name="policy-changes"),
    path("policies/approve", policies.ApprovePolicies.as_view(), name="policies-approve"),
    path("policies/reject", policies.RejectPolicies.as_view(), name="policies-reject"),
    path("policies/withdraw", policies.WithdrawPolicies.as_view(), name="policies-withdraw"),
    path("compliance", compliance.ComplianceView.as_view(), name="compliance-api"),
    path("compliance/changes", compliance.ComplianceChangesView.as_view(), name="compliance-changes"),
    path("compliance/cells/<str:tag>/<str:act>/lock", compliance.LockCell.as_view(), name="compliance-lock"),
]
member_urlpatterns: list[URLPattern] = []
