"""A plain module in the place of each component: nothing beyond its protocol is asked of it."""

import pytest
import torch
from support.toy import toy_batch, toy_config, toy_losses
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, interpolate

from slan_mm.datasets.shapes.tokenizer import build_shapes_tokenizer
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import EncodedWords, TextTokens


def plain(cls):
    return MODELS.register_module(force=True)(cls)


@plain
class PlainImageEncoder(nn.Module):
    def __init__(self, embed_dims):
        super().__init__()
        self.in_channels = [6]
        self.patches, self.projection = nn.Conv2d(3, 6, 4, 4), nn.Conv2d(6, embed_dims, 1)

    def extract(self, inputs):
        return [self.patches(inputs)] if isinstance(inputs, torch.Tensor) else list(inputs)

    def project(self, levels):
        return self.projection(levels[0])

    def resize(self, maps):
        return list(maps)


@plain
class PlainDecoder(nn.Module):
    def __init__(self, embed_dims, in_channels):
        super().__init__()
        self.num_levels = 2
        self.conv = nn.Conv2d(embed_dims, embed_dims, 1)

    def forward(self, feature_map, levels):
        return [self.conv(feature_map), interpolate(feature_map, scale_factor=2)]


@plain
class PlainDetector(nn.Module):
    def __init__(self, embed_dims):
        super().__init__()
        self.boxes = nn.Parameter(torch.randn(6, 4))
        self.saliency = nn.Linear(embed_dims, 6)

    def forward(self, feature_map):
        count, mean = len(feature_map), feature_map.mean((2, 3))
        boxes = (self.boxes.sigmoid() * 0.5 + 0.25).expand(count, -1, -1)
        return boxes, self.saliency(mean)


@plain
class PlainPooling(nn.Module):
    """The mean of the whole map for every box."""

    def forward(self, feature_map, boxes, pairs=None):
        mean = feature_map.mean((2, 3))
        return (mean if pairs is None else mean[pairs.image])[:, None].expand(-1, boxes.shape[1], -1)


@plain
class PlainEmbedding(nn.Module):
    def __init__(self, embed_dims, in_channels):
        super().__init__()
        self.out_dims = embed_dims + sum(in_channels)

    def forward(self, regions, feature_map, levels):
        return torch.cat([regions.mean(1), *[level.mean((2, 3)) for level in levels]], dim=1)


@plain
class PlainSmoothing(nn.Module):
    def forward(self, maps, levels):
        return [(level + level.mean((2, 3), keepdim=True)) / 2 for level in maps]


@plain
class PlainTextEncoder(nn.Module):
    """A bag of word vectors."""

    max_words = 20

    def __init__(self, embed_dims):
        super().__init__()
        self.tokenizer = build_shapes_tokenizer(self.max_words)
        self.hidden_dims, self.vocab_size = 7, len(self.tokenizer)
        self.word_embeddings, self.projection = nn.Embedding(self.vocab_size, 7), nn.Linear(7, embed_dims)

    def tokenize(self, texts):
        batch = self.tokenizer(
            texts,
            padding='longest',
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_tensors='pt',
        )
        mask = batch['attention_mask'].bool()
        words = mask & ~batch['special_tokens_mask'].bool()
        return TextTokens(batch['input_ids'], mask, words, batch['offset_mapping'])

    def count_tokens(self, text):
        return len(self.tokenizer(text)['input_ids'])

    def extract(self, tokens):
        words = self.word_embeddings(tokens.input_ids)
        return EncodedWords(contextual=words, lexical=words)

    def project(self, words):
        return EncodedWords(self.projection(words.contextual), self.projection(words.lexical))


@plain
class PlainFilter(nn.Module):
    """The first three regions."""

    conditioned = False

    def forward(self, logits, boxes=None, pairs=None):
        index = torch.arange(3, device=logits.device).expand(len(logits), -1)
        weight = logits.sigmoid().gather(1, index)
        return index, weight, torch.ones_like(index, dtype=torch.bool)


@plain
class PlainConditionedFilter(PlainFilter):
    conditioned = True

    def saliency_logits(self, similarity, word_mask):
        return (similarity * word_mask[:, None]).sum(-1)


@plain
class PlainAttention(nn.Module):
    """Each modality reads the mean of the other."""

    def __init__(self, embed_dims):
        super().__init__()
        self.region, self.word = (nn.Linear(embed_dims, embed_dims, bias=False) for _ in range(2))

    def project_unweighted(self, regions):
        return self.region(regions), regions

    def project_words(self, words):
        return self.word(words), words

    def weighted(self, key, value, weight):
        return key * weight, value * weight

    def forward(self, regions, words, region_mask, word_mask, projections=None):
        if projections is None:
            region_key, word_key = self.region(regions), self.word(words)
        else:
            region_key, _, word_key, _ = projections
        kept, there = region_mask[..., None].float(), word_mask[..., None].float()
        mean = [(key * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
                for key, mask in ((region_key, kept), (word_key, there))]  # fmt: skip
        return regions + mean[1], words + mean[0]


@plain
class PlainMove(nn.Module):
    def __init__(self):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.5))

    def forward(self, boxes, activation, word_mask):
        return torch.cat([boxes[..., :2] * self.share + 0.25, boxes[..., 2:]], dim=-1)


@plain
class PlainITC(nn.Module):
    """SigLIP's sigmoid loss: neither a queue nor a temperature."""

    def __init__(self, embed_dims):
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(-10.0))

    def similarity(self, image, text):
        return image @ text.T * self.scale + self.bias

    def forward(self, image, text, ids, momentum=None, target=None):
        logits = self.similarity(image, text)
        return binary_cross_entropy_with_logits(logits, (ids[:, None] == ids[None]).float())


@plain
class PlainRegionWord(nn.Module):
    def similarity(self, regions, words, word_mask):
        score = torch.einsum('brc,tnc->brtn', regions, words).amax(1)
        return (score * word_mask).sum(-1)

    def forward(self, regions, words, word_mask, ids, target=None):
        logits = self.similarity(regions, words, word_mask)
        return cross_entropy(logits, torch.arange(len(logits))), logits


@plain
class PlainRegression(nn.Module):
    def forward(self, boxes, mask, weight):
        return ((boxes[0] - boxes[-1].detach()).abs().sum(-1) * mask).mean()


@plain
class PlainMatchHead(nn.Module):
    def __init__(self, embed_dims):
        super().__init__()
        self.linear = nn.Linear(embed_dims, 1)

    def forward(self, located):
        return self.linear(located.vision_cls * located.text_cls)[:, 0]


def one_attention():
    config = toy_config()
    for adaptor in config['locator']['adaptors']:
        adaptor['attention'] = dict(type='PlainAttention')
    return dict(locator=config['locator'])


def one_move():
    config = toy_config()
    for adaptor in config['locator']['adaptors']:
        adaptor['move'] = dict(type='PlainMove')
    return dict(locator=config['locator'])


def one_pooling():
    config = toy_config()
    for adaptor in config['locator']['adaptors']:
        adaptor |= dict(
            pooling=dict(type='PlainPooling'),
            move=dict(type='MomentMove', pooling=dict(type='PlainPooling')),
        )
    pooling = dict(type='PlainPooling')
    return dict(locator=config['locator'] | dict(pooling=pooling), image__pooling=pooling)


REPLACED = {
    'image encoder': dict(image__encoder=dict(type='PlainImageEncoder')),
    'image encoder and smoothing': dict(
        image__encoder=dict(type='PlainImageEncoder'), image__smoothing=dict(type='AffinitySmoothing')
    ),
    'decoder': dict(image__decoder=dict(type='PlainDecoder')),
    'detector': dict(image__detector=dict(type='PlainDetector')),
    'pooling': one_pooling(),
    'embedding': dict(image__embedding=dict(type='PlainEmbedding')),
    'smoothing': dict(image__smoothing=dict(type='PlainSmoothing')),
    'text encoder': dict(text__encoder=dict(type='PlainTextEncoder')),
    'filter': dict(locator__region_filter=dict(type='PlainFilter')),
    'conditioned filter': dict(locator__region_filter=dict(type='PlainConditionedFilter')),
    'attention': one_attention(),
    'move': one_move(),
    'contrastive loss': dict(objective__itc=dict(type='PlainITC')),
    'region-word loss': dict(objective__region_word=dict(type='PlainRegionWord')),
    'regression': dict(objective__regression=dict(type='PlainRegression')),
    'match head': dict(objective__itm=dict(type='PlainMatchHead')),
}


@pytest.mark.parametrize('kind', REPLACED)
def test_a_plain_module_trains_and_predicts(kind):
    torch.manual_seed(0)
    model = MODELS.build(toy_config(**REPLACED[kind])).train()
    losses = toy_losses(model, toy_batch())
    total, log = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(torch.stack(list(log.values()))).all()
    model.eval()
    batch = toy_batch((0, 1))
    for sample, spans in zip(batch['data_samples'], ([[2, 12]], [[2, 16]]), strict=True):
        sample.set_field([dict(spans=spans)], 'phrases')
    with torch.no_grad():
        for sample in model.val_step(batch):
            assert len(sample.pred_phrases[0][-1]['boxes'])
        data = model.data_preprocessor(batch, False)
        image, text = model.encode_image(data['inputs']), model.encode_text(['a red circle', 'a star'])
        rows = PairIndex.all_pairs(2, 2)
        among = model.itm_scores(image, text, rows)
        torch.testing.assert_close(among, model.itm_scores(image[rows.image], text[rows.text]), atol=1e-4, rtol=1e-4)
        assert model.shortlist_scores(image, text).shape == (2, 2)


@plain
class PlainTextDecoder(nn.Module):
    """Says the same of everything."""

    width = 5

    def __init__(self, tokenizer, prompt=''):
        super().__init__()
        self.score = nn.Linear(5, 1)

    def confidence(self, memory):
        return self.score(memory.tokens.mean(1))[:, 0]

    def loss(self, memory, texts):
        return self.confidence(memory) ** 2, torch.ones(len(texts))

    def write(self, memory):
        return ['a circle'] * len(memory), self.confidence(memory)

    def first_scores(self, memory, texts):
        return self.confidence(memory)[:, None].expand(-1, len(texts))

    def log_probs(self, memory, texts):
        return self.confidence(memory)


@pytest.mark.parametrize('inference', ['write', 'rank'])
def test_a_plain_text_decoder_writes_and_ranks(inference):
    config = toy_config(type='SLANCaptioner', decoder=dict(type='PlainTextDecoder'))
    if inference == 'rank':
        config |= dict(type='SLANAnswerer', inference='rank', answer_list=['one', 'two'])
    del config['objective']
    model, batch = MODELS.build(config), toy_batch()
    for sample in batch['data_samples']:
        sample.set_field(['one'], 'answers')
    sum(toy_losses(model, batch).values()).backward()
    assert model.decoder.score.weight.grad.isfinite().all()
    with torch.no_grad():
        answers = [s.get('pred_caption') or s.get('pred_answer') for s in model.eval().val_step(batch)]
    assert set(answers) == ({'a circle'} if inference == 'write' else {'one'})
