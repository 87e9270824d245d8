"""The tasks' models: the spine and a head each."""

from slan_mm.models.tasks.detection import SLANDetector

__all__ = ['SLANDetector']
