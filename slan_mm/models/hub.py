"""Models to and from folders, here or on a model hub: ``from_pretrained``, ``save_pretrained``, ``push_to_hub``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import ModelCard, ModelHubMixin
from mmengine.config import Config
from mmengine.registry import init_default_scope

from slan_mm.arguments import check_argument, file_path, out_folder
from slan_mm.atomic_files import replaced_together
from slan_mm.config import read_config
from slan_mm.model_folder import CARD, CONFIG, RECORD, TOKENIZER, WEIGHTS, fetch, find_model_folder
from slan_mm.models.model_card import complete_record, model_card
from slan_mm.models.portable_config import has_tokenizer_files, portable_parts
from slan_mm.models.trained import build_applied, load_weights
from slan_mm.own_files import MARK, claim
from slan_mm.registry import MODELS
from slan_mm.weights_file import check_weights, read_weights_file, save_weights

Model = TypeVar('Model', bound='HubModel')


class HubModel(ModelHubMixin, library_name='slan_mm', tags=['vision-language', 'openmmlab']):
    """What every model can do with folders, by the mixin of ``huggingface_hub``.

    A folder has all that a fresh process needs, see :mod:`slan_mm.model_folder`. Reading one runs no code from it.
    """

    #: The config that the model was built from, as :func:`slan_mm.apis.init_model` and :meth:`from_pretrained` set it.
    cfg: Config | None = None
    #: The record of its training (``run.json``), as far as it is known.
    record: Mapping[str, Any] | None = None
    #: What the scores of its predictions mean, for the model card.
    scores_mean = ''

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls: type[Model],
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        device: str = 'cpu',
        cfg_options: Mapping[str, Any] | None = None,
    ) -> Model:
        """The model of a folder, in evaluation mode.

        Args:
            pretrained_model_name_or_path: A folder that :meth:`save_pretrained` has written, or its name on a model
                hub, user/name, where there is no folder called user here. Only then is anything fetched.
            revision: Of a name on a hub, the branch, tag or commit.
            device: 'cpu', 'cuda', ...
            cfg_options: Settings that override those of the folder's config, nested keys with dots.

        Raises:
            FileNotFoundError: It is no folder of a model.
            OSError: A name of a hub cannot be fetched.
            ValueError: It holds another class of model, is damaged, or its config is refused
                (:mod:`slan_mm.folder_config`).
        """
        name = str(pretrained_model_name_or_path)
        folder = find_model_folder(name if revision is None else fetch(name, revision))
        if folder is None:
            raise FileNotFoundError(f'{name} is no folder of a model: it lacks {CONFIG} or {WEIGHTS}')
        cfg = read_config(folder, cfg_options)
        init_default_scope('slan_mm')
        kind = MODELS.get(cfg.model.type)
        if not issubclass(kind, cls):
            raise ValueError(
                f'{name} holds a {kind.__name__}, which is no {cls.__name__}: call {kind.__name__}.from_pretrained, '
                'or slan_mm.apis.init_model'
            )
        model: Any = build_applied(cfg)
        path = folder / WEIGHTS
        load_weights(model, check_weights(path, read_weights_file(path, 'cpu')), str(path))
        return model.to(device).eval()

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:  # type: ignore[override]
        """Writes the model into a folder that :meth:`from_pretrained` and all tools read.

        What an earlier call has written there is replaced once all is written: an interrupted call leaves it as it was.
        One that is killed within the last step leaves weights that the record does not know, which are refused.

        Args:
            save_directory: The folder.
            options: Of ``ModelHubMixin.save_pretrained``: ``push_to_hub``, ``repo_id``, and ``model_card_kwargs``, see
                :meth:`generate_model_card`.

        Raises:
            FileExistsError: A file is there that this has not written.
            ValueError: The model has no ``cfg``, its config cannot be in a folder, or ``save_directory`` can be none.
        """
        self._portable()
        folder = Path(check_argument('save_directory', save_directory, lambda value: out_folder(file_path(value))))
        claim(folder, names := [WEIGHTS, TOKENIZER, CONFIG, CARD, RECORD], 'a model')
        written = {name: options[name] for name in ('config', 'model_card_kwargs') if name in options}
        with replaced_together(folder, names) as new:
            super().save_pretrained(new, **written)
        if not options.pop('push_to_hub', False):
            return None
        return self.push_to_hub(options.pop('repo_id', None) or folder.name, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:  # type: ignore[override]
        """Uploads what :meth:`save_pretrained` writes; see ``ModelHubMixin.push_to_hub``, which logs in and fetches."""
        return super().push_to_hub(repo_id, **{'ignore_patterns': MARK, **options})

    def _portable(self) -> dict[str, Any]:
        if self.cfg is None:
            raise ValueError(
                'the model does not know its config: make it by slan_mm.apis.init_model, or set model.cfg = '
                'slan_mm.config.read_config(...)'
            )
        return portable_parts(self.cfg, self)

    def _save_pretrained(self, save_directory: Path) -> None:
        parts = self._portable()
        if has_tokenizer_files(parts['model']['text']['encoder']):
            self.text_branch.encoder.tokenizer.save_pretrained(save_directory / TOKENIZER)  # type: ignore[attr-defined]
        state = self.state_dict()  # type: ignore[attr-defined]
        weights = {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}
        save_weights(save_directory / WEIGHTS, weights)
        checksum = hashlib.sha256((save_directory / WEIGHTS).read_bytes()).hexdigest()
        for name, content in ((RECORD, {**complete_record(self), 'sha256': checksum}), (CONFIG, parts)):
            told = json.dumps(content, indent=1, allow_nan=False)
            (save_directory / name).write_text(told + '\n', encoding='utf-8')

    def generate_model_card(self, license: str | None = None) -> ModelCard:  # type: ignore[override]
        """The model card: what the model's ``record`` says, and of what it does not that it is unknown.

        Args:
            license: Of these weights, e.g. 'apache-2.0'. None: unknown.
        """
        return model_card(self, license)
