"""Matplotlib's backend `module://_kroma.pyplot`: figures are shown as PNG below the cell."""

import io
import sys


def png(figure):
    """The figure as PNG bytes, cut to what is drawn."""
    out = io.BytesIO()
    if figure.canvas is None or not hasattr(figure.canvas, "print_png"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure)
    figure.savefig(out, format="png", bbox_inches="tight", facecolor=figure.get_facecolor())
    return out.getvalue()


def flush_figures():
    """Shows and closes the figures that are open; called at the end of each cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    from .display import display

    try:
        for number in pyplot.get_fignums():
            display(pyplot.figure(number))
    finally:
        pyplot.close("all")


def __getattr__(name):
    # Matplotlib asks a backend module for these; they exist only where Matplotlib does.
    if name in ("FigureCanvas", "FigureCanvasAgg"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        return FigureCanvasAgg
    if name == "FigureManager":
        from matplotlib.backend_bases import FigureManagerBase

        return FigureManagerBase
    raise AttributeError(name)


def show(*args, **options):
    """plt.show()"""
    flush_figures()
