"""Question answering: the question is located in the picture, and a decoder answers; configs set the decoder."""

_base_ = '../../default_runtime.py'

task_model = dict(type='SLANAnswerer', objective=None)
