"""What the platform remembers of each brand's books, for probes, alerts and banners."""

from datetime import datetime

from tenants import hosts
from tenants.models import Brand


def note_verdict(*, brand: Brand, sound: bool, verified_at: datetime) -> None:
    """Keep the verdict of the last verification beside the brand. Needs the shared schema."""
    if (brand.books_sound, brand.books_verified_at) == (sound, verified_at):
        return
    Brand.objects.filter(pk=brand.pk).update(books_sound=sound, books_verified_at=verified_at)
    hosts.forget()
