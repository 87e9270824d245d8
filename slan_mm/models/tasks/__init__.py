"""Task models: the spine and a head each."""

from slan_mm.models.tasks.captioning import SLANCaptioner
from slan_mm.models.tasks.vqa import SLANAnswerer

__all__ = ['SLANAnswerer', 'SLANCaptioner']
