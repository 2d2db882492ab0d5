"""Where older code imports the display classes from."""

from IPython.display import *  # noqa: F403
