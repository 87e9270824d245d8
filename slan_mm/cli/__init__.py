"""What the command lines of ``tools/`` share.

A tool reads its options before it imports anything heavy, so that ``--help`` and a mistake are answered at once. So
nothing here may import PyTorch, or anything of this package that does, when it is imported itself.
"""
