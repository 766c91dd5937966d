"""Give the Chinese typeface of everything on paper, and write text in it: nothing is missing, nothing is a formula."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.patheffects import Stroke

from lifecircle.outputs.tables import CONTROL_CHARACTERS

#: Stands where the typeface lacks a character: the sign that Chinese and Japanese printers set for a missing sort.
LACKING = "〓"
#: Kinds of characters that show nothing, or turn the text around them: they are left out.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def font_path() -> str:
    """Give the path of the typeface, Noto Sans SC (SIL Open Font Licence)."""
    from pylopdf_fonts_zh_cn import sans_path

    return str(sans_path())


@cache
def characters() -> frozenset[int]:
    """Give the characters that the typeface has."""
    return frozenset(FT2Font(font_path()).get_charmap())


def printable(text: object, most: int = 200) -> str:
    r"""Give a text as it can be set: one line, nothing unseen, `LACKING` for what the typeface lacks, and not too long.

    Parameters
    ----------
    text : object
    most : int
        Longest text, in characters; what is longer ends with an ellipsis.

    Examples
    --------
    >>> printable("巴州区\u202e\x07 𠀀"), printable("四个字符", 3)
    ('巴州区 〓', '四个…')
    """
    known = characters()
    return "".join(letter if ord(letter) in known else LACKING for letter in plain_text(text, most))


def plain_text(text: object, most: int = 200) -> str:
    """Give a text without line breaks and what shows nothing, no longer than `most` characters."""
    plain = unicodedata.normalize("NFC", str(text)[:4 * most]).translate(CONTROL_CHARACTERS)
    shown = "".join(letter for letter in plain if unicodedata.category(letter) not in _UNSEEN
                    and not 0xFE00 <= ord(letter) <= 0xFE0F)
    return shown if len(shown) <= most else shown[:most - 1].rstrip() + "…"


def write(surface: Any, x: float, y: float, text: object, *, size: float, most: int = 200, halo: bool = False,
          **style: Any) -> Any:
    """Write a text on a figure or on axes, never as a formula.

    Parameters
    ----------
    surface : Figure or Axes
    x, y : float
        In the surface's own measure.
    text : object
        Put through `printable`.
    size : float
        In points.
    most : int
        As for `printable`.
    halo : bool
        With a white seam, drawn apart so that the text stays text in a PDF.
    style
        Colour, alignment and the like, as for `matplotlib.axes.Axes.text`.

    Returns
    -------
    Text
    """
    shown = printable(text, most)
    face = FontProperties(fname=font_path(), size=size)
    if halo:
        seam = {"gid": None, "color": "white", "path_effects": [Stroke(linewidth=size / 3.2, foreground="white")]}
        surface.text(x, y, shown, parse_math=False, fontproperties=face, **{**style, **seam})
    return surface.text(x, y, shown, parse_math=False, fontproperties=face, **style)
