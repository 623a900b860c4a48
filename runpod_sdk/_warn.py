"""Issue warnings that point to the caller's code."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Final

_OUR_FILES: Final = (os.path.join(os.path.dirname(__file__), ""), "<attrs generated")


def warn(message: str) -> None:
    """Issue a `UserWarning` for the first line outside of this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OUR_FILES):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
