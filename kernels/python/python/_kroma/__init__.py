"""The inside of Kroma's Python kernel. Users import `kroma` and `IPython.display`, never this."""
