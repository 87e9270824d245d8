from .checkpoint_hook import SafeCheckpointHook
from .compile_hook import CompileHook
from .early_stopping_hook import ResumableEarlyStoppingHook
from .exact_state_hook import ExactStateHook
from .iter_logger_hook import IterLoggerHook
from .learning_report_hook import LearningReportHook
from .locator_diagnostics_hook import LocatorDiagnosticsHook
from .metrics_file_hook import MetricsFileHook
from .metrics_table_hook import MetricsTableHook
from .non_finite_hook import NonFiniteLossHook
from .prediction_file_hook import PredictionFileHook
from .rank_mean_hook import RankMeanHook
from .run_record_hook import RunRecordHook
from .throughput_hook import ThroughputHook
from .timeline_hook import TimelineHook

__all__ = [
    'CompileHook',
    'ExactStateHook',
    'IterLoggerHook',
    'LearningReportHook',
    'LocatorDiagnosticsHook',
    'MetricsFileHook',
    'MetricsTableHook',
    'NonFiniteLossHook',
    'PredictionFileHook',
    'RankMeanHook',
    'ResumableEarlyStoppingHook',
    'RunRecordHook',
    'SafeCheckpointHook',
    'ThroughputHook',
    'TimelineHook',
]
