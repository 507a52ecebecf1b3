"""The exporter."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import files, version
from .error import ExportError
from .golden import golden as golden_rows
from .manifest import Manifest
from .standardise import scale
from .taken import Taken

#: A class's package → the module here that takes its flows apart.
_MODULES = {
    "zuko": "zuko_flow",
    "nflows": "nflows_flow",
    "normflows": "normflows_flow",
    "flowjax": "flowjax_flow",
}


def export(
    flow: Any,
    path: str | os.PathLike[str],
    *,
    standardise: Any = None,
    standardise_context: Any = None,
    columns: Sequence[str] | None = None,
    context_columns: Sequence[str] | None = None,
    golden: Any = 64,
    name: str | None = None,
    seed: int = 0,
) -> list[Path]:
    """Writes a fitted flow for `flow import`.

    The flow is not changed: what is evaluated is a copy in 64 bits and evaluation mode.

    Args:
        flow: A flow of zuko, nflows, normflows or FlowJAX; a torch module may be wrapped by `DistributedDataParallel`,
            `DataParallel` or `torch.compile`.
        path: ``NAME`` or ``NAME.safetensors`` writes ``NAME.safetensors`` and ``NAME.json``; ``NAME.json`` or
            ``NAME.npz`` writes that one alone, with the tensors inside.
        standardise: What was done to the events before the flow saw them: ``(mean, std)`` or a fitted
            ``StandardScaler``. Log-likelihoods are then in the units of the raw data. Numbers with names (a pandas
            Series, a scaler that was fitted to a table) are matched to ``columns`` by name, if these are given.
        standardise_context: The same for the context.
        columns: Names of the event's columns; without them the import names them x0, x1 and so on.
        context_columns: Names of the context's columns.
        golden: Rows of your own data in raw units, ``x`` or ``(x, context)``, at least 32; up to 256 of them are kept.
            A number draws as many from the flow itself, one in eight moved far out. Numbers are rounded to 32 bits.
        name: The flow's name; without one, that of the file.
        seed: Of the drawn rows.

    Returns:
        The paths that were written.

    Raises:
        ExportError: The flow has a part that can't be represented, or an argument does not fit it.
    """
    stem = files.name(path)
    flow = _unwrapped(flow)
    taken = _taken(flow)
    for key, tensor in taken.tensors.items():
        if not np.isfinite(tensor).all():
            raise ExportError(key, "holds a number that is not finite")
    names = _names(columns, taken.features, "columns")
    context_names = _names(context_columns, taken.context, "context_columns")
    event = scale(standardise, taken.features, "standardise", names or None)
    context = scale(standardise_context, taken.context, "standardise_context", context_names or None)
    rows = golden_rows(taken, golden, event, context, seed)
    given = standardise is not None or standardise_context is not None
    manifest: Manifest = {
        "name": stem if name is None else name,
        "library": taken.library,
        "version": version.installed(taken.library),
        "columns": names,
        "context_columns": context_names,
        "standardise": {
            "mean": event.mean.tolist(),
            "std": event.std.tolist(),
            "context_mean": context.mean.tolist(),
            "context_std": context.std.tolist(),
        }
        if given
        else None,
        "settings": taken.settings,
        "layers": taken.layers,
        "x": rows.x.tolist(),
        "context": None if rows.context is None else rows.context.tolist(),
        "log_prob": rows.log_prob.tolist(),
    }
    return files.write(path, manifest, taken.tensors)


def _unwrapped(flow: Any) -> Any:
    """The flow inside what torch wraps modules in."""
    while True:
        names = {kind.__qualname__ for kind in type(flow).__mro__ if kind.__module__.startswith("torch.")}
        if names & {"DistributedDataParallel", "DataParallel"}:
            flow = flow.module
        elif "OptimizedModule" in names:
            flow = flow._orig_mod
        else:
            return flow


def _taken(flow: Any) -> Taken:
    for kind in type(flow).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in _MODULES:
            module = importlib.import_module(f".{_MODULES[library]}", __package__)
            taken: Taken = module.take(flow)
            return taken
    raise ExportError.of("flow", flow, f"is no flow of {', '.join(_MODULES)}")


def _names(given: Sequence[str] | None, count: int, argument: str) -> list[str]:
    if given is None:
        return []
    names = [str(own) for own in given]
    if len(names) != count:
        raise ExportError(argument, f"there are {len(names)} names, and the flow has {count} columns")
    if len(set(names)) != len(names):
        raise ExportError(argument, "two columns have the same name")
    return names
