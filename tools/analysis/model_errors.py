"""How the tools that look for a model's errors write a figure."""


def figure(value: float, digits: int = 1) -> str:
    """``value`` in a table, or a dash where it is no number."""
    return '-' if value != value else f'{value:.{digits}f}'
