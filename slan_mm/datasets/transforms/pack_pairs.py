"""The last transform of every pipeline: from the ``results`` dict to the item a data loader collates."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.structures import DataSample

from slan_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackPairs(BaseTransform):
    """Packs an image and its text(s): ``dict(inputs=Tensor, data_samples=DataSample)``.

    Reads ``img`` (H, W, 3), RGB uint8 numpy. ``inputs`` is (3, H, W) uint8 RGB; for a list ``img`` of F pictures (the
    two of NLVR2, the frames of a video) (F, 3, H, W); or, after ``LoadCachedFeatures``, the ``StoredPicture`` that
    takes the picture's place. The data sample carries, as far as ``results`` holds them:

    - metainfo: ``image_id`` and ``sample_id`` (both become str), ``img_path``, ``ori_shape`` and ``img_shape``, each
      (height, width) in pixels, and the names in ``meta_keys``;
    - ``text``: a caption, or the list of all captions of the image;
    - ``gt_label``: a class index, as mmpretrain's data samples hold it;
    - ``phrases``: list of dict(spans, boxes, category, phrase_id), see ``GroundingDataset``; boxes become (n, 4)
      float tensors, absolute xyxy in original pixels.

    Args:
        meta_keys: Further keys of ``results`` to keep as metainfo.

    Raises:
        TypeError: ``img`` is not uint8.
        ValueError: ``img`` is not (H, W, 3), or the pictures of a list differ in size.
    """

    def __init__(self, meta_keys: Sequence[str] = ()) -> None:
        self.meta_keys = ('img_path', 'ori_shape', 'img_shape', *meta_keys)

    def transform(self, results: dict) -> dict:
        """``results`` -> item; ``results`` itself is left as it is."""
        meta = {key: results[key] for key in self.meta_keys if key in results}
        if 'stored_picture' in results:
            inputs = results['stored_picture']
        else:
            inputs = self._image(results)
            meta['img_shape'] = tuple(inputs.shape[-2:])
        for key in ('image_id', 'sample_id'):
            if key in results:
                meta[key] = str(results[key])
        sample = DataSample(metainfo=meta)
        if 'text' in results:
            text = results['text']
            sample.set_field(text if isinstance(text, str) else list(text), 'text')
        if 'gt_label' in results:
            sample.set_gt_label(results['gt_label'])
        if 'phrases' in results:
            sample.set_field([self._phrase(phrase) for phrase in results['phrases']], 'phrases')
        return {'inputs': inputs, 'data_samples': sample}

    def _image(self, results: dict) -> torch.Tensor:
        img = results['img']
        where = f'sample {results.get("sample_id", results.get("image_id"))!r}'
        if isinstance(img, list):
            sizes = {picture.shape for picture in img}
            if len(sizes) > 1:
                raise ValueError(
                    f'{where}: its pictures differ in size ({sorted(sizes)}). Resize each of them first: '
                    "dict(type='mmpretrain.ApplyToList', scatter_key='img', transforms=[dict(type="
                    "'slan_mm.ResizeImage', size=...)], collate_keys=['img'])."
                )
            return torch.stack([self._image({**results, 'img': picture}) for picture in img])
        if img.dtype != np.uint8:
            raise TypeError(
                f'{where}: PackPairs needs a uint8 image in 0..255, got {img.dtype}. Keep normalisation out '
                'of the pipeline: the data preprocessor does it.'
            )
        if img.ndim != 3 or img.shape[2] != 3:
            raise ValueError(f'{where}: PackPairs needs an (H, W, 3) RGB image, got {img.shape}.')
        # A copy of its own: the transpose of a read-only or negatively strided array is no torch tensor.
        return torch.from_numpy(np.array(img.transpose(2, 0, 1), order='C'))

    @staticmethod
    def _phrase(phrase: dict) -> dict:
        boxes = torch.as_tensor(np.asarray(phrase['boxes'], dtype=np.float32)).reshape(-1, 4)
        return {
            'spans': [list(span) for span in phrase['spans']],
            'boxes': boxes,
            'category': phrase.get('category'),
            'phrase_id': str(phrase['phrase_id']),
        }

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys[3:]})'
