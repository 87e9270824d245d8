"""Short runs in which nothing waits: what a config lets begin late must be in a measurement or a check as well."""

from mmengine.config import ConfigDict


def start_losses(model: ConfigDict, iteration: int = 0) -> None:
    """Lets all losses of a pre-training ``model`` config begin at ``iteration``; those of tasks have no late ones."""
    if model.get('objective'):
        model.objective.update(itm_start=iteration, locator_start=iteration)
