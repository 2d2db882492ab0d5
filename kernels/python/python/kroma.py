"""Kroma's own module: values, files and displays."""
