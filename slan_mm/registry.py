"""Registries of ``slan_mm``: children of MMEngine's, under the scope ``slan_mm``.

A config finds ``slan_mm`` components by their bare names once ``default_scope = 'slan_mm'`` is set, and any component
of another OpenMMLab library by its scope, e.g. ``mmdet.ResNet`` or ``mmpretrain.VisionTransformer``.

A component is registered when its module is imported, and its module is imported when a config names it: each registry
looks a name up in the packages of its ``locations``, whose ``__init__.pyi`` say where it is.
"""

from importlib import import_module
from typing import Any

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

from slan_mm.quick_imports import collector_off


class LazyRegistry(Registry):
    """A registry whose packages give a name when it is asked for, and import its module then."""

    def __init__(self, parent: Registry, packages: list[str]) -> None:
        super().__init__(parent.name, parent=parent, scope='slan_mm', locations=packages)
        self.packages = packages

    def load(self, name: str) -> None:
        """Imports the module of ``name``, a component of ours; nothing where there is none."""
        if name not in self.module_dict:
            for package in self.packages:
                if name in (module := import_module(package)).__all__:
                    with collector_off():
                        getattr(module, name)

    def load_all(self) -> None:
        """Imports the modules of all components, as for a list of their names."""
        for package in self.packages:
            for name in import_module(package).__all__:
                self.load(name)

    def get(self, key: str) -> Any:
        """As MMEngine's."""
        scope, name = self.split_scope_key(key) if isinstance(key, str) else (None, '')
        if scope in (None, self.scope):
            self.load(name)
        return super().get(key)


def _child(parent: Registry, *packages: str) -> LazyRegistry:
    return LazyRegistry(parent, [f'slan_mm.{name}' for name in packages])


MODELS = _child(
    MMENGINE_MODELS,
    'models',
    'models.heads',
    'models.image',
    'models.locator',
    'models.objectives',
    'models.tasks',
    'models.text',
    'feature_store',
)
TASK_UTILS = _child(MMENGINE_TASK_UTILS, 'models')
DATASETS = _child(MMENGINE_DATASETS, 'datasets')
DATA_SAMPLERS = _child(MMENGINE_DATA_SAMPLERS, 'engine')
TRANSFORMS = _child(MMENGINE_TRANSFORMS, 'datasets.transforms', 'feature_store')
METRICS = _child(MMENGINE_METRICS, 'evaluation.metrics')
EVALUATOR = _child(MMENGINE_EVALUATOR, 'evaluation')
LOOPS = _child(MMENGINE_LOOPS, 'engine')
HOOKS = _child(MMENGINE_HOOKS, 'engine.hooks', 'visualization')
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
TOKENIZERS = Registry(
    'tokenizer', scope='slan_mm', locations=['slan_mm.datasets.shapes.tokenizer', 'slan_mm.models.text.tokenizer']
)
#: What reads pictures and texts for a model in use: ``Processor``.
PROCESSORS = Registry('processor', scope='slan_mm', locations=['slan_mm.apis.processor'])
