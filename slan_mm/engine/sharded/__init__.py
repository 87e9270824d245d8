"""Models that are split over GPUs (FSDP): the runner and its strategy."""
