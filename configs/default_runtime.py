# What every run shares: registries, hooks, logs, seeds. Inherit with ``_base_ = '../default_runtime.py'``.
default_scope = 'slan_mm'
custom_imports = dict(
    imports=[
        'slan_mm.models',
        'slan_mm.datasets',
        'slan_mm.evaluation',
        'slan_mm.engine',
        'slan_mm.visualization',
    ],
    allow_failed_imports=False,
)

runner_type = 'slan_mm.ResumableRunner'
default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    throughput=dict(type='ThroughputHook'),
    non_finite=dict(type='NonFiniteLossHook'),
    diagnostics=dict(type='LocatorDiagnosticsHook'),
    rank_mean=dict(type='RankMeanHook'),
    # Iterations between two lines of the log.
    logger=dict(type='IterLoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SafeCheckpointHook', by_epoch=False, interval=500, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # run.json: config, commit, seed, steps, time and metrics, of which tools/analysis/make_results.py makes tables.
    record=dict(type='RunRecordHook'),
    # Metrics as a table, each beside chance.
    summary=dict(type='MetricsTableHook'),
    # Off; tools/test.py --show-dir turns it on.
    visualization=dict(type='RegionFigureHook', draw=False),
)

# Losses and diagnostics are means over the last 20 iterations; learning rates, and metrics (task/name), are current.
log_processor = dict(type='LogProcessor', by_epoch=False, window_size=20, mean_pattern=r'^(?!.*lr$)[^/]*$')
vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends, name='visualizer')

# A GPU is used when there is one; without, several ranks talk over gloo whatever stands here.
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
log_level = 'INFO'
load_from = None
resume = False
