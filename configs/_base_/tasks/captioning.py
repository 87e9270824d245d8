"""Captioning: the picture is located against a prompt, and a decoder goes on from it; configs set the decoder."""

_base_ = '../../default_runtime.py'

task_model = dict(type='SLANCaptioner', objective=None, prompt='a picture of')
