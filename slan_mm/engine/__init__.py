from slan_mm.engine.checkpoint_io import load_from_file, register_strict_loaders
from slan_mm.engine.class_names import is_any_of, wrap_any_of
from slan_mm.engine.hooks import (
    CompileHook,
    ExactStateHook,
    IterLoggerHook,
    LearningReportHook,
    MetricsTableHook,
    NonFiniteLossHook,
    PredictionFileHook,
    RankMeanHook,
    ResumableEarlyStoppingHook,
    RunRecordHook,
    SafeCheckpointHook,
    ThroughputHook,
    TimelineHook,
)
from slan_mm.engine.optim_wrapper import BFloat16OptimWrapper
from slan_mm.engine.runner import ResumableRunner
from slan_mm.engine.sampler import ResumableSampler
from slan_mm.engine.score_sampler import ScoreSampler
from slan_mm.engine.sharded.runner import ShardedRunner
from slan_mm.engine.sharded.strategy import ShardedStrategy
from slan_mm.engine.task_loop import TaskLoop
from slan_mm.engine.train_loop import ResumableIterLoop

register_strict_loaders()

__all__ = [
    'BFloat16OptimWrapper',
    'CompileHook',
    'ExactStateHook',
    'IterLoggerHook',
    'LearningReportHook',
    'MetricsTableHook',
    'NonFiniteLossHook',
    'PredictionFileHook',
    'RankMeanHook',
    'ResumableEarlyStoppingHook',
    'ResumableIterLoop',
    'ResumableRunner',
    'ResumableSampler',
    'RunRecordHook',
    'SafeCheckpointHook',
    'ScoreSampler',
    'ShardedRunner',
    'ShardedStrategy',
    'TaskLoop',
    'ThroughputHook',
    'TimelineHook',
    'is_any_of',
    'load_from_file',
    'wrap_any_of',
]
