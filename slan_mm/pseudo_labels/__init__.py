"""From captions to boxes: phrases become categories, are grounded in views of a picture, filtered and written."""
