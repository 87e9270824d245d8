"""Object detection (section 4.2.6): the class list is a text, and the regions located for it are the detections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmdet.models.detectors import BaseDetector
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from mmengine.structures import InstanceData
from torch import Tensor

from slan_mm.models.base import BaseSLAN
from slan_mm.models.heads.class_prompt import ClassPrompt, PromptPart, class_token_map, read_class_names
from slan_mm.models.heads.detection_loss import DetectionOutputs, DetectionTarget
from slan_mm.models.heads.word_weights import WordWeights
from slan_mm.models.phrase_grounding import region_word_similarity
from slan_mm.models.sizes import build_sized
from slan_mm.models.state_dict_hooks import keep_fresh_head
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, TextFeatures


@dataclass
class DetectedPart:
    """The results of one prompt in images of one size.

    - ``rows``: the images, as places in the batch; pair p is image ``rows[p]`` with the prompt of ``part``.
    - ``size``: (height, width) in pixels to which boxes are normalised.
    """

    rows: list[int]
    size: tuple[int, int]
    part: PromptPart
    outputs: DetectionOutputs


@MODELS.register_module()
class SLANDetector(BaseSLAN, BaseDetector):
    """A mmdet detector on SLAN's base model.

    Classes are those of the data sample's ``text`` (``CocoDataset(return_classes=True)``, or ``texts`` of
    ``DetInferencer``), else ``classes``, else those of the ``dataset_meta`` that ``DetInferencer`` sets. Samples of one
    batch may have different ones. Labels count in the list's own order.

    Images of a batch may differ in size. Each is cut out of the batch's padding, to its own ``pad_shape`` (its size
    rounded up to ``pad_size_divisor``), and images of equal size and classes run together. So results do not depend
    on the batch, and no padding mask is needed; batches of many sizes cost more.

    Args:
        head: Config of the head.
        prompt: Arguments of :class:`ClassPrompt`.
        classes: Class names, as :func:`read_class_names` reads them.
        word_weights: Arguments of :class:`WordWeights`; None: all words of a class count the same.
        base: What :class:`BaseSLAN` takes. ``data_preprocessor`` is mmdet's.

    Raises:
        ValueError: The class names are refused, see :func:`check_class_names`.
    """

    scores_mean = (
        "The sigmoid of the mean logit of the class name's tokens: a probability after fine-tuning on boxes; before, "
        'it only ranks boxes.'
    )
    scores_regions = True

    def __init__(
        self,
        head: dict,
        prompt: dict | None = None,
        classes: str | Sequence[str] | None = None,
        word_weights: dict | None = None,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        levels = len(self.locator.adaptors) + 1
        self.head = build_sized(
            dict(type='DetectionHead') | head, 'head', embed_dims=self.embed_dims, num_levels=levels
        )
        self.prompt = ClassPrompt(**(prompt or {}))
        self.classes = None if classes is None else read_class_names(classes)
        self._parts: dict[tuple[str, ...], list[PromptPart]] = {}
        self.word_weights = None if word_weights is None else WordWeights(self.space_dims, **word_weights)
        self.register_load_state_dict_pre_hook(keep_fresh_head)

    def extract_feat(self, batch_inputs: Tensor) -> ImageFeatures:
        """mmdet's name for :meth:`encode_image`."""
        return self.encode_image(batch_inputs)

    def prompt_parts(self, names: tuple[str, ...]) -> list[PromptPart]:
        """The prompts that together name all classes; one if the text encoder's limit has room for all."""
        if names not in self._parts:
            encoder = self.text_branch.encoder
            self._parts[names] = self.prompt.split(names, encoder.count_tokens, encoder.max_words)
        return self._parts[names]

    def encode_prompts(self, parts: Sequence[PromptPart]) -> tuple[TextFeatures, list[Tensor]]:
        """Features of T prompts, and the token map (C_t, NT) of each.

        Only tokens of classes are words for the locator, not 'detect' or commas.
        """
        tokens = self.tokenize([part.text for part in parts])
        maps = [class_token_map(part, tokens.offsets[row], tokens.word_mask[row]) for row, part in enumerate(parts)]
        word_mask = torch.stack([token_map.any(0) for token_map in maps])
        return replace(self.encode_text(tokens), word_mask=word_mask), maps

    def detect(self, inputs: Tensor, samples: Sequence[DetDataSample]) -> Iterator[DetectedPart]:
        """Every image of a padded batch (B, 3, H, W) with every prompt of its classes, one prompt at a time."""
        groups: dict[tuple[tuple[int, int], tuple[str, ...]], list[int]] = {}
        for row, sample in enumerate(samples):
            size = tuple(sample.get('pad_shape', inputs.shape[-2:])[:2])
            groups.setdefault((size, self._names(sample)), []).append(row)
        texts = {names: self.encode_prompts(self.prompt_parts(names)) for names in {names for _, names in groups}}
        for ((height, width), names), rows in groups.items():
            image = self.encode_image(inputs[rows, :, :height, :width])
            text, maps = texts[names]
            weights = None if self.word_weights is None else self.word_weights(text)
            for number, part in enumerate(self.prompt_parts(names)):
                words = text[torch.full((len(rows),), number, device=inputs.device)]
                located = self.locate(image, words)
                similarity = region_word_similarity(self.image_branch, image, words, located.boxes[-1])
                outputs = self.head(located, similarity, maps[number])
                outputs.weight = None if weights is None else weights[number]
                yield DetectedPart(rows, (height, width), part, outputs)

    def _names(self, sample: DetDataSample) -> tuple[str, ...]:
        names = sample.get('text')
        if names is None:
            names = self.classes or (getattr(self, 'dataset_meta', None) or {}).get('classes')
        if names is None:
            raise ValueError(
                f'no classes to detect in {sample.get("img_path")}: set return_classes=True in the data set and keep '
                "'text' among the meta_keys of PackDetInputs, or set classes in the model's config"
            )
        return read_class_names(names)

    def loss(self, batch_inputs: Tensor, batch_data_samples: Sequence[DetDataSample]) -> dict[str, Tensor]:
        """The losses of :class:`DetectionLoss`. Crowds (``ignored_instances``) are background here, as in DETR."""
        sums = []
        for found in self.detect(batch_inputs, batch_data_samples):
            targets = [self._target(batch_data_samples[row], found) for row in found.rows]
            sums.append(self.head.criterion.sums(found.outputs, targets))
        return self.head.loss(sums)

    @staticmethod
    def _target(sample: DetDataSample, found: DetectedPart) -> DetectionTarget:
        """The annotated boxes of the part's classes."""
        instances = sample.gt_instances
        height, width = found.size
        scale = instances.bboxes.new_tensor([width, height, width, height])
        place = {label: number for number, label in enumerate(found.part.classes)}
        labels = [place.get(label, -1) for label in instances.labels.tolist()]
        chosen = torch.tensor(labels, dtype=torch.long, device=instances.bboxes.device)
        here = chosen >= 0
        return DetectionTarget(bbox_xyxy_to_cxcywh(instances.bboxes[here] / scale).float(), chosen[here])

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[DetDataSample], rescale: bool = True
    ) -> list[DetDataSample]:
        """Adds ``pred_instances`` to each sample: ``bboxes`` (N, 4) xyxy, ``scores``, ``labels``, ``label_names``.

        Boxes are cut to the image, in pixels of the original one, or of the network's with ``rescale=False``. A
        score is the sigmoid of the mean logit of the class' tokens, a probability after fine-tuning; zero-shot it only
        ranks boxes.
        """
        answers: list[list[InstanceData]] = [[] for _ in batch_data_samples]
        for found in self.detect(batch_inputs, batch_data_samples):
            height, width = found.size
            for row, index in enumerate(found.rows):
                best = self.head.best(found.outputs, row, found.part.classes)
                best.bboxes = best.bboxes * best.bboxes.new_tensor([width, height, width, height])
                answers[index].append(best)
        for sample, parts in zip(batch_data_samples, answers, strict=True):
            sample.pred_instances = self._finish(self.head.merge(parts), sample, rescale)
        return list(batch_data_samples)

    def _finish(self, found: InstanceData, sample: DetDataSample, rescale: bool) -> InstanceData:
        height, width = sample.img_shape[:2]
        limit = found.bboxes.new_tensor([width, height, width, height])
        found.bboxes = torch.minimum(found.bboxes.clamp(min=0), limit)
        if rescale:
            # A pipeline that does not resize tells no factor.
            scale = sample.get('scale_factor', (1.0, 1.0))
            found.bboxes = found.bboxes / found.bboxes.new_tensor(scale).repeat(2)
        names = self._names(sample)
        # mmdet's visualiser shows these in place of the data set's names.
        found.label_names = [names[label] for label in found.labels.tolist()]
        return found

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: Sequence[DetDataSample] | None = None
    ) -> list[DetectionOutputs]:
        """MMEngine's 'tensor': the head's outputs of every prompt, size by size."""
        samples = batch_data_samples or [DetDataSample() for _ in batch_inputs]
        return [found.outputs for found in self.detect(batch_inputs, samples)]
