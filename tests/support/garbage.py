"""How often Python looks for garbage; imported before what is large.

What is imported stays, and a trace, an exported program or a config is a million small objects that are no garbage: a
look at all of them after every 700 took a fifth of some tests.
"""

import gc

gc.set_threshold(100_000)
