"""The browser app: what it does, in functions without gradio; ``tabs`` and ``server`` alone know gradio.

Whatever is shown is plain text or html made here, with every text escaped. Messages name no path of the machine.
"""
