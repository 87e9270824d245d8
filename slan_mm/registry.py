"""Registries of ``slan_mm``: children of MMEngine's, under the scope ``slan_mm``.

A config finds ``slan_mm`` components by their bare names once ``default_scope = 'slan_mm'`` is set, and any component
of another OpenMMLab library by its scope, e.g. ``mmdet.ResNet`` or ``mmpretrain.VisionTransformer``.
"""

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import EVALUATOR as MMENGINE_EVALUATOR
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOG_PROCESSORS as MMENGINE_LOG_PROCESSORS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as MMENGINE_OPTIMIZERS
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import STRATEGIES as MMENGINE_STRATEGIES
from mmengine.registry import TASK_UTILS as MMENGINE_TASK_UTILS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS
from mmengine.registry import Registry


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='slan_mm', locations=[f'slan_mm.{name}' for name in locations])


MODELS = _child(MMENGINE_MODELS, 'models', 'feature_store.encoders')
TASK_UTILS = _child(MMENGINE_TASK_UTILS, 'models')
DATASETS = _child(MMENGINE_DATASETS, 'datasets')
DATA_SAMPLERS = _child(MMENGINE_DATA_SAMPLERS, 'engine')
TRANSFORMS = _child(MMENGINE_TRANSFORMS, 'datasets', 'feature_store')
METRICS = _child(MMENGINE_METRICS, 'evaluation')
EVALUATOR = _child(MMENGINE_EVALUATOR, 'evaluation')
LOOPS = _child(MMENGINE_LOOPS, 'engine')
HOOKS = _child(MMENGINE_HOOKS, 'engine')
RUNNERS = _child(MMENGINE_RUNNERS, 'engine')
STRATEGIES = _child(MMENGINE_STRATEGIES, 'engine')
FUNCTIONS = _child(MMENGINE_FUNCTIONS, 'engine')
VISUALIZERS = _child(MMENGINE_VISUALIZERS, 'visualization')
OPTIM_WRAPPERS = _child(MMENGINE_OPTIM_WRAPPERS, 'engine')

# Nothing of ours is in these; without them MMEngine warns of an unknown scope whenever a config names its own parts.
LOG_PROCESSORS = _child(MMENGINE_LOG_PROCESSORS, 'engine')
MODEL_WRAPPERS = _child(MMENGINE_MODEL_WRAPPERS, 'engine')
OPTIMIZERS = _child(MMENGINE_OPTIMIZERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child(MMENGINE_PARAM_SCHEDULERS, 'engine')
WEIGHT_INITIALIZERS = _child(MMENGINE_WEIGHT_INITIALIZERS, 'models')
VISBACKENDS = _child(MMENGINE_VISBACKENDS, 'visualization')

#: Tokenizers that a text encoder's config may name: functions that return a ``transformers`` tokenizer.
TOKENIZERS = Registry('tokenizer', scope='slan_mm', locations=['slan_mm.datasets', 'slan_mm.models'])
#: What reads pictures and texts for a model in use: ``Processor``.
PROCESSORS = Registry('processor', scope='slan_mm', locations=['slan_mm.apis.processor'])
