"""The versions that the conventions were checked on."""

from __future__ import annotations

import warnings
from importlib.metadata import version

# A version is known if it begins with one of these; the second is the one that was read and reproduced.
KNOWN: dict[str, tuple[str, str]] = {
    "zuko": ("1.6.", "1.6.0"),
    "nflows": ("0.14", "0.14"),
    "normflows": ("1.7.", "1.7.3"),
    "flowjax": ("19.", "19.1.2"),
}


def installed(library: str) -> str:
    """The library's version; warns if it is not one that is known."""
    found = version(library)
    known, checked = KNOWN[library]
    if not found.startswith(known):
        warnings.warn(
            f"{library} {found}: the conventions were checked on {checked}. "
            "If another version lays out its flows differently, the golden rows will not be reproduced and "
            "`flow import` refuses them.",
            stacklevel=3,
        )
    return found
