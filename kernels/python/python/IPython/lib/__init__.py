"""IPython.lib, as far as libraries ask for it."""
