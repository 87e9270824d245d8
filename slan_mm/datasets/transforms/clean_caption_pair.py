"""Caption cleaning for pairs and retrieval."""

import re

from mmpretrain.datasets.transforms import CleanCaption

from slan_mm.registry import TRANSFORMS

_JOINERS = re.compile(r'(?<=\w)[-/](?=\w)')


@TRANSFORMS.register_module()
class CleanCaptionPair(CleanCaption):
    r"""``mmpretrain.CleanCaption`` on ``text``, made safe.

    Captions are lower-cased and lose their punctuation. Two changes: a hyphen or slash inside a word becomes a space
    ("black-and-white" is three words, not one), and a caption that cleaning would empty ("!!!") is kept as it is.

    Raises:
        ValueError: The sample has phrases: their character spans would no longer fit the text.
    """

    def __init__(self) -> None:
        super().__init__(keys='text', remove_chars=',.\'!?"()*#:;~-/', lowercase=True)

    def _clean(self, text: str) -> str:
        return super()._clean(_JOINERS.sub(' ', text)).strip() or text

    def transform(self, results: dict) -> dict:
        """``results`` with cleaned ``text``: a text or a list of texts."""
        if 'phrases' in results:
            raise ValueError(
                f'sample {results.get("sample_id")!r}: cleaning would shift the character spans of its phrases. Take '
                'CleanCaptionPair out of the pipeline of the grounding data set.'
            )
        return super().transform(results)

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
