"""``encode_image``, ``encode_text`` and ``locate`` as programs without Python: ``torch.export`` and ONNX.

Each part takes and gives plain tensors, whose names are those of the records' fields (``image_boxes``,
``image_pyramid_0``, ``text_word_space_lexical``, ...): ``locate`` takes by name what the other two give, and the texts'
mask as ``text_mask``. The first axis (images, texts or pairs) and the number of tokens are dynamic; the size of the
images is fixed. Tokenising stays outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from slan_mm.extras import require_extra
from slan_mm.feature_store.encoders import StoredTextEncoder
from slan_mm.models.base import BaseSLAN
from slan_mm.pair_index import PairIndex
from slan_mm.structures import Batched, ImageFeatures, TextFeatures, TextTokens

#: Inputs of the text part.
TOKEN_INPUTS = ('input_ids', 'mask', 'word_mask')


def named_tensors(record: Batched, prefix: str = '') -> dict[str, Tensor]:
    """The tensors of a record by name, in the order of ``record.map``: ``pyramid_0`` of a list, ``space_term`` of a
    dict; with ``prefix`` before each name."""
    return {
        name: tensor
        for field in fields(record)
        for name, tensor in _named_tensors(prefix + field.name, getattr(record, field.name))
    }


def _named_tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _named_tensors(f'{name}_{number}', item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _named_tensors(f'{name}_{key}', item)


def like(template: Batched, tensors: Iterator[Tensor]) -> Any:
    """A record of the structure of ``template`` made of the next ``tensors``."""
    return template.map(lambda _: next(tensors))


def fresh(tensors: dict[str, Tensor], inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """The tensors that are not ``inputs`` handed through: ONNX has one name for both."""
    return {name: tensor for name, tensor in tensors.items() if not any(tensor is given for given in inputs)}


class ImagePart(nn.Module):
    """``encode_image`` of RGB images (B, 3, H, W), float 0..255, which are normalised inside."""

    def __init__(self, model: BaseSLAN) -> None:
        super().__init__()
        self.model = model

    def outputs(self, pictures: Tensor) -> dict[str, Tensor]:
        """The tensors of :class:`ImageFeatures`."""
        preprocessor = self.model.data_preprocessor
        features = self.model.encode_image((pictures - preprocessor.mean) / preprocessor.std)
        return named_tensors(features, 'image_')

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """:meth:`outputs` without their names."""
        return tuple(self.outputs(pictures).values())


class TextPart(nn.Module):
    """``encode_text`` of tokens: ``input_ids`` (T, NT) long, ``mask`` and ``word_mask`` (T, NT) bool."""

    def __init__(self, model: BaseSLAN) -> None:
        super().__init__()
        self.model = model

    def outputs(self, input_ids: Tensor, mask: Tensor, word_mask: Tensor) -> dict[str, Tensor]:
        """The tensors of :class:`TextFeatures`, without ``mask``."""
        offsets = input_ids.unsqueeze(-1).expand(-1, -1, 2)  # places in the string, which no encoder reads
        tokens = TextTokens(input_ids=input_ids, mask=mask, word_mask=word_mask, offsets=offsets)
        return fresh(named_tensors(self.model.encode_text(tokens), 'text_'), [mask])

    def forward(self, input_ids: Tensor, mask: Tensor, word_mask: Tensor) -> tuple[Tensor, ...]:
        """:meth:`outputs` without their names."""
        return tuple(self.outputs(input_ids, mask, word_mask).values())


class LocatePart(nn.Module):
    """``locate`` of row-wise pairs: the tensors of ``ImageFeatures.for_pairs()``, then those of ``TextFeatures``.

    Gives the tensors of ``Located`` without ``word_mask``, and of a pre-trained model the ``match`` logits (P,) of ITM.
    """

    def __init__(self, model: BaseSLAN, image: ImageFeatures, text: TextFeatures) -> None:
        super().__init__()
        self.model = model
        self.image, self.text = image, text

    def outputs(self, *tensors: Tensor) -> dict[str, Tensor]:
        """See the class."""
        iterator = iter(tensors)
        image, text = like(self.image, iterator), like(self.text, iterator)
        located = self.model.locate(image, text)
        outputs = fresh(named_tensors(located), tensors)
        objective = getattr(self.model, 'objective', None)
        if objective is None:
            return outputs
        rows = PairIndex.rows(text.words)
        return outputs | {'match': objective.match_logits(located, image, text, rows.image, rows.text)}

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """:meth:`outputs` without their names."""
        return tuple(self.outputs(*tensors).values())


@dataclass
class Part:
    """A part of a model that can be exported: example ``inputs`` by name."""

    name: str
    module: ImagePart | TextPart | LocatePart
    inputs: dict[str, Tensor]

    def __post_init__(self) -> None:
        with torch.no_grad():
            #: Names of what the part gives.
            self.outputs = list(self.module.outputs(*self.inputs.values()))

    def dynamic_shapes(self) -> tuple:
        """What ``torch.export`` is told: the first axis varies, and the second one of what is per token."""
        per_token = (*TOKEN_INPUTS, 'text_words', 'text_mask', 'text_word_')
        shapes = tuple(
            {0: Dim.DYNAMIC, 1: Dim.DYNAMIC} if name.startswith(per_token) else {0: Dim.DYNAMIC} for name in self.inputs
        )
        return (shapes,) if self.name == 'locate' else shapes

    @cached_property
    @torch.no_grad()
    def program(self) -> ExportedProgram:
        """The part as a ``torch.export`` program."""
        inputs = tuple(self.inputs.values())
        return torch.export.export(self.module, inputs, dynamic_shapes=self.dynamic_shapes(), strict=False)

    def to_onnx(self, path: Path | str) -> None:
        """Writes the part as an ONNX model.

        Raises:
            ModuleNotFoundError: The extra ``export`` is not installed.
        """
        require_extra('export')
        torch.onnx.export(
            self.program,
            f=str(path),
            input_names=list(self.inputs),
            output_names=self.outputs,
            external_data=False,
            verbose=False,
        )


@torch.no_grad()
def export_parts(model: BaseSLAN, size: tuple[int, int]) -> list[Part]:
    """The three parts of ``model``, which is set to evaluation mode, for images of ``size`` (height, width).

    Raises:
        ValueError: the text encoder reads a feature store, which is no program.
    """
    if isinstance(model.text_branch.encoder, StoredTextEncoder):
        raise ValueError(
            'a text encoder that reads a feature store cannot be exported: build the model of '
            'slan_mm.feature_store.encoders.without_feature_stores(cfg.model)'
        )
    model.eval()
    device = next(model.parameters()).device
    pictures = torch.rand(2, 3, *size, device=device) * 255
    tokens = model.tokenize(['a red circle', 'a blue square and a star'])
    preprocessor = model.data_preprocessor
    image = model.encode_image((pictures - preprocessor.mean) / preprocessor.std)
    text = model.encode_text(tokens)
    pairs = named_tensors(image.for_pairs(), 'image_') | named_tensors(text, 'text_')
    return [
        Part('encode_image', ImagePart(model), dict(pictures=pictures)),
        Part('encode_text', TextPart(model), {name: getattr(tokens, name) for name in TOKEN_INPUTS}),
        Part('locate', LocatePart(model, image.for_pairs(), text), pairs),
    ]


def onnx_runner(path: Path | str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """A function that runs an ONNX model on a CPU: tensors by name to tensors by name.

    Inputs that the model does not have are passed over.

    Raises:
        ModuleNotFoundError: The extra ``export`` is not installed.
    """
    require_extra('export')
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    names = [value.name for value in session.get_inputs()]
    outputs = [value.name for value in session.get_outputs()]

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        values = session.run(outputs, {name: inputs[name].cpu().numpy() for name in names})
        return {name: torch.from_numpy(value) for name, value in zip(outputs, values, strict=True)}

    return run
