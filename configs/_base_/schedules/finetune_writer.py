"""Fine-tuning a tiny model that writes: what pre-training knows changes slowly, its new decoder fast."""

_base_ = './adamw_cosine.py'

optim_wrapper = dict(
    optimizer=dict(lr=1.5e-3),
    paramwise_cfg=dict(
        # Input and output embeddings of the decoder are the same parameter.
        bypass_duplicate=True,
        custom_keys={name: dict(lr_mult=0.3) for name in ('image_branch', 'text_branch', 'locator')},
    ),
)
