"""Routes of this room."""

from django.urls import URLPattern, path

from partners.api import activities, batches, deliveries, endpoints, events, jobs, orders

partner_urlpatterns: list[URLPattern] = [
    path("orders", orders.Orders.as_view(), name="orders"),
    path("orders/batch", batches.Batch.as_view(), name="orders-batch"),
    path("orders/preview", orders.Preview.as_view(), name="order-preview"),
    path("orders/<path:order_id>/complete", orders.Completion.as_view(), name="order-complete"),
    path("orders/<path:order_id>/cancel", orders.Cancellation.as_view(), name="order-cancel"),
    path("orders/<path:order_id>/returns", orders.Returns.as_view(), name="order-returns"),
    path("orders/<path:order_id>", orders.Order.as_view(), name="order"),
    path("returns/parked", orders.ParkedReturns.as_view(), name="returns-parked"),
    path("activity-types", activities.ActivityTypes.as_view(), name="activity-types"),
    path("activity-types/<str:code>", activities.OneActivityType.as_view(), name="activity-type"),
    path("activities/<path:activity_id>/approve", activities.Approval.as_view(), name="activity-approve"),
    path("activities/<path:activity_id>/reject", activities.Rejection.as_view(), name="activity-reject"),
    path("activities", activities.Activities.as_view(), name="activities"),
    path("jobs/<uuid:job_id>", jobs.JobState.as_view(), name="job"),
    path("jobs/<uuid:job_id>/errors", jobs.JobErrors.as_view(), name="job-errors"),
    path("jobs/<uuid:job_id>/result", jobs.Result.as_view(), name="job-result"),
    path("jobs/<uuid:job_id>/cancel", jobs.Cancel.as_view(), name="job-cancel"),
    path("webhook-endpoints", endpoints.Endpoints.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>", endpoints.Endpoint.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/rotate-secret", endpoints.RotateSecret.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/test", endpoints.Trial.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/deliveries", deliveries.Deliveries.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/recover", endpoints.Recover.as_view()),
    path("webhook-deliveries/<uuid:delivery_id>", deliveries.Delivery.as_view()),
    path("webhook-deliveries/<uuid:delivery_id>/resend", deliveries.Resend.as_view()),
    path("events", events.Events.as_view()),
    path("event-types", events.EventTypes.as_view()),
]
member_urlpatterns: list[URLPattern] = []
