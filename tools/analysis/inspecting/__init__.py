"""What ``tools/analysis/code_metrics.py`` counts in a tree: imports, options, branches, configs, pages, a walk."""
