"""An exact resume: the runner's part of it, and the random state that a checkpoint holds."""
