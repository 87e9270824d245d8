from .branch import TextBranch
from .encoder import TextEncoder
from .pair import PairTextBranch, PairTextEncoder
from .tokenizer import hf_tokenizer

__all__ = ['PairTextBranch', 'PairTextEncoder', 'TextBranch', 'TextEncoder', 'hf_tokenizer']
