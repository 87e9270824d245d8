"""Image-text pairs in the layout of open_clip: what their configs mean, and where their tensors go."""
