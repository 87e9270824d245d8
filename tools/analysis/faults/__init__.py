"""Faults done to what the product keeps on disk: ``subjects.py`` has what is kept, ``injecting.py`` the faults."""

from faults.injecting import FAULTS, Result
from faults.subjects import SUBJECTS, Subject, WrongError

__all__ = ['FAULTS', 'SUBJECTS', 'Result', 'Subject', 'WrongError']
