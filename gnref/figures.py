"""One style for every picture: a palette that colour-blind readers can tell apart, plain axes, PNG bytes.

A caption is the text around a picture; what is inside names its axes with units, its sample sizes and what is better.
"""

import io
from collections.abc import Callable
from typing import Any

from gnref.errors import UserError

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Okabe and Ito's colours, darkest first: each is told from the others with every common colour blindness."""

STYLE: dict[Any, Any] = {
    "axes.prop_cycle": f"cycler(color={list(PALETTE)})",
    "figure.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e0e0e0",
    "grid.linewidth": 0.6,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "font.size": 9.0,
    "legend.frameon": False,
    "image.cmap": "cividis",
}
"""What matplotlib's settings are while a picture is drawn."""


def picture(draw: Callable[[Any], None], width: float = 7.0, height: float = 4.5, dpi: int = 120) -> bytes:
    """The PNG of what `draw(figure)` draws on an empty matplotlib figure of width x height inches.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("pictures need matplotlib; install it with: pip install 'gnref[figures]'") from None
    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None})
    return content.getvalue()
