"""The tabs, in gradio: each file lays one out and calls the functions of ``slan_mm.app``.

gradio is an extra: it is imported where a tab is built.
"""
