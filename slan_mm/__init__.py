"""SLAN (Self-Locator Aided Network) on OpenMMLab. See ``docs/paper_to_code.md`` for the way in."""

from slan_mm.import_messages import leave_out_import_messages
from slan_mm.version import __version__

__all__ = ['__version__']

leave_out_import_messages()
