"""IPython.core, as far as libraries ask for it."""
