from slan_mm.engine.hooks.checkpoint_hook import SafeCheckpointHook
from slan_mm.engine.hooks.compile_hook import CompileHook
from slan_mm.engine.hooks.early_stopping_hook import ResumableEarlyStoppingHook
from slan_mm.engine.hooks.exact_state_hook import ExactStateHook
from slan_mm.engine.hooks.iter_logger_hook import IterLoggerHook
from slan_mm.engine.hooks.learning_report_hook import LearningReportHook
from slan_mm.engine.hooks.locator_diagnostics_hook import LocatorDiagnosticsHook
from slan_mm.engine.hooks.metrics_file_hook import MetricsFileHook
from slan_mm.engine.hooks.metrics_table_hook import MetricsTableHook
from slan_mm.engine.hooks.non_finite_hook import NonFiniteLossHook
from slan_mm.engine.hooks.prediction_file_hook import PredictionFileHook
from slan_mm.engine.hooks.rank_mean_hook import RankMeanHook
from slan_mm.engine.hooks.run_record_hook import RunRecordHook
from slan_mm.engine.hooks.throughput_hook import ThroughputHook
from slan_mm.engine.hooks.timeline_hook import TimelineHook

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
