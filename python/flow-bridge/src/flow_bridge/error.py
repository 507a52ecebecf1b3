"""Why a flow could not be exported."""

from __future__ import annotations


class ExportError(ValueError):
    """A flow, or something that was said of it, which the files can't hold.

    Attributes:
        where: The module's path in the flow, or the name of the argument.
        kind: The module's class; empty for an argument.
        reason: Why not.
    """

    def __init__(self, where: str, reason: str, kind: str = "") -> None:
        self.where = where
        self.kind = kind
        self.reason = reason
        named = f"`{where}` ({kind})" if kind else f"`{where}`"
        super().__init__(f"{named}: {reason}")

    @classmethod
    def of(cls, where: str, module: object, reason: str) -> ExportError:
        """The error of a module: its class is named with its library."""
        kind = module if isinstance(module, type) else type(module)
        return cls(where, reason, f"{kind.__module__}.{kind.__qualname__}")
