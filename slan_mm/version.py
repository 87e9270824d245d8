"""The version of ``slan_mm``."""

__version__ = '0.1.0'
