"""Captioning: the picture is located against a prompt, and a decoder goes on from it; configs set the decoder."""

_base_ = '../../default_runtime.py'

task_model = dict(type='SLANCaptioner', objective=None, prompt='a picture of')
# ITC's projections and the image-only saliency have no part in a caption.
find_unused_parameters = True
