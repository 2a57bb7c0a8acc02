"""Routes of this room."""

from django.urls import URLPattern, path

from points.api import accounts, corrections, freezing, log, notices, pending, spending

partner_urlpatterns: list[URLPattern] = [
    path("members/<uuid:member_id>/account", accounts.AccountView.as_view(), name="account"),
    path("members/<uuid:member_id>/freeze", freezing.FreezeView.as_view(), name="member-freeze"),
    path("members/<uuid:member_id>/unfreeze", freezing.UnfreezeView.as_view(), name="member-unfreeze"),
    path("entries/<uuid:entry_id>/reverse", corrections.ReverseView.as_view(), name="entry-reverse"),
    path("entries/<uuid:entry_id>/receipt", log.ReceiptView.as_view(), name="entry-receipt"),
    path("ledger/checkpoints", log.CheckpointsView.as_view(), name="checkpoints"),
    path("ledger/checkpoints/latest", log.LatestCheckpointView.as_view(), name="checkpoint-latest"),
    path("ledger/consistency", log.ConsistencyView.as_view(), name="ledger-consistency"),
    path("ledger/key", log.KeyView.as_view(), name="ledger-key"),
    path("entries/<uuid:entry_id>/activate", pending.ActivateView.as_view(), name="entry-activate"),
    path("entries/<uuid:entry_id>/cancel", pending.CancelPendingView.as_view(), name="entry-cancel"),
    path("expiry-notice", notices.ExpiryNoticeView.as_view(), name="expiry-notice"),
    path("burns", spending.BurnsView.as_view(), name="burns"),
    path("holds", spending.HoldsView.as_view(), name="holds"),
    path("holds/<uuid:hold_id>/capture", spending.CaptureView.as_view(), name="hold-capture"),
    path("holds/<uuid:hold_id>/void", spending.VoidView.as_view(), name="hold-void"),
    path("adjustments", corrections.AdjustmentsView.as_view(), name="adjustments"),
    path("transfers", corrections.TransfersView.as_view(), name="transfers"),
]
member_urlpatterns: list[URLPattern] = [
    path("me/receipts/<uuid:entry_id>", log.OwnReceiptView.as_view(), name="own-receipt"),
]
