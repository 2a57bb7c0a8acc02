"""Owners are told by mail of a cell of the matrix that will be unlocked without a second operator."""

from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.lib import compliancewords
from tenants import hosts
from tenants.context import current_brand
from tenants.operators.models import ALONE_HOURS, ComplianceChange, Operator, Role

log = structlog.get_logger(__name__)


def tell_owners(change: ComplianceChange) -> bool:
    """Write to the brand's owners, each in their language; False where the mail server did not take it.

    Where the platform sends no mail the banner of the console is the notice. Sent outside of a transaction;
    a process that is cut off before it notes that sends it again.
    """
    brand = current_brand()
    if not settings.MAIL_IS_SENT:
        return True
    host = next(iter(hosts.of_brand(brand)), "")
    port = "" if settings.PRODUCTION or settings.TEST else f":{settings.PORT}"
    page = f"{settings.PUBLIC_URL_SCHEME}://{host}{port}/console/compliance/"
    owners = Operator.objects.filter(role=Role.OWNER, is_active=True).exclude(email="")
    for owner in owners:
        with translation.override(owner.language), timezone.override(brand.tz):
            subject = _("%(brand)s: a rule of law will be unlocked") % {"brand": brand.name}
            try:
                send_mail(subject, _text(change, page), settings.DEFAULT_FROM_EMAIL, [owner.email])
            except (OSError, SMTPException) as error:
                log.warning("compliance_notice_failed", number=change.number, error=type(error).__name__)
                return False
    log.info("compliance_notice_sent", number=change.number, mails=len(owners))
    return True


def _text(change: ComplianceChange, page: str) -> str:
    asked = date_format(timezone.localtime(change.submitted_at), "DATETIME_FORMAT")
    return _(
        "%(who)s asked at %(at)s to unlock this cell of the compliance matrix, without a second operator:\n"
        "%(cell)s\n\nCounsel's note: %(counsel)s\nReason: %(reason)s\n\n"
        "It will be unlocked %(hours)d hours after this mail. "
        "If that is not right, sign in and withdraw it:\n%(page)s"
    ) % {
        "who": change.submitted_by.removeprefix("operator:"),
        "at": asked,
        "cell": compliancewords.cell(change.tag, change.act),
        "counsel": change.counsel,
        "reason": change.note,
        "hours": ALONE_HOURS,
        "page": page,
    }
