"""The WordPiece tokenizer of the shapes' captions, made from their grammar; nothing is read from disk."""

from string import ascii_lowercase, digits

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from slan_mm.datasets.shapes.grammar import words
from slan_mm.registry import TOKENIZERS

SPECIAL_TOKENS = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]')


def shapes_vocabulary() -> list[str]:
    """The tokens in the order of their ids: special tokens ([PAD] is 0), the grammar's words, then single characters.

    The characters (alone and as ``##`` continuations) spell words that the grammar does not have.
    """
    letters = ascii_lowercase + digits
    return [*SPECIAL_TOKENS, *words(), *letters, *(f'##{letter}' for letter in letters)]


@TOKENIZERS.register_module(name='ShapesTokenizer')
def build_shapes_tokenizer(model_max_length: int = 32) -> PreTrainedTokenizerFast:
    """A BERT-style tokenizer: lower case, ``[CLS] text [SEP]``, one token a word of the grammar.

    Args:
        model_max_length: Tokens, special ones included, after which ``truncation=True`` cuts.
    """
    vocabulary = {token: index for index, token in enumerate(shapes_vocabulary())}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token='[UNK]', max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]',
        pair='[CLS] $A [SEP] $B:1 [SEP]:1',
        special_tokens=[(token, vocabulary[token]) for token in ('[CLS]', '[SEP]')],
    )
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=model_max_length,
        **{f'{token.strip("[]").lower()}_token': token for token in SPECIAL_TOKENS},
    )
