"""The executed examples are drawn in the style of all other pictures."""

from typing import Any

import matplotlib

from gnref.figures import STYLE


def use_house_style(gallery_conf: dict[str, Any], file: str) -> None:
    """Set matplotlib to the house's style before an example runs; Sphinx-Gallery calls this for each."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(STYLE)
