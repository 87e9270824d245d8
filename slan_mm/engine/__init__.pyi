from .checkpoint_io import load_from_file
from .class_names import is_any_of, wrap_any_of
from .hooks import (
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
from .optim_wrapper import BFloat16OptimWrapper
from .runner import ResumableRunner
from .sampler import ResumableSampler
from .score_sampler import ScoreSampler
from .sharded.runner import ShardedRunner
from .sharded.strategy import ShardedStrategy
from .task_loop import TaskLoop
from .train_loop import ResumableIterLoop

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
