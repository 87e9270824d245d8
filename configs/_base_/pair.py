"""Parts of a model that starts as an image-text pair; a config that has this beside its bases puts them together.

See configs/pretrain/slan_own_data_clip-b16.py, which adds the folder of the pair and the width of its space.
"""

pair_image_encoder = dict(type='StoredPairImageEncoder', norm_cfg=dict(type='GN', num_groups=8), frozen=True)
pair_text = dict(type='PairTextBranch', whole_words=True)
pair_text_encoder = dict(type='StoredPairTextEncoder', frozen=True)
# Cosines of patches and words lie closer together than those of SLAN's own.
pair_objective = dict(region_word=dict(temperature=0.01), calibrated=())
