"""MLflow, with the pictures of a run."""

from typing import Any

import numpy as np
from mmengine.visualization import MLflowVisBackend as _MLflowVisBackend

from slan_mm.registry import VISBACKENDS


@VISBACKENDS.register_module()
class MLflowVisBackend(_MLflowVisBackend):
    """MMEngine's backend, whose pictures keep their names and steps.

    MMEngine takes a name for that of a file. ``frames`` and the like have no ending, so MLflow refuses them, and
    the backends behind it get no picture either; and a later picture would replace an earlier one.
    """

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Logs ``image`` (H, W, 3) uint8 RGB as ``name`` at ``step``."""
        self.experiment.log_image(image, key=name, step=step)
