"""Writes the files: all of them or none."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import numpy as np
import safetensors.numpy

from .error import ExportError
from .manifest import Manifest, StoredTensor
from .taken import Tensors


def paths(path: str | os.PathLike[str]) -> tuple[Path | None, Path]:
    """The tensors' path, if they have a file of their own, and the manifest's."""
    path = Path(path)
    if path.suffix == ".json":
        return None, path
    if path.suffix in ("", ".safetensors"):
        return path.with_suffix(".safetensors"), path.with_suffix(".json")
    raise ExportError("path", f"{path.name} ends in neither .safetensors, nor .json, nor nothing")


def write(path: str | os.PathLike[str], manifest: Manifest, tensors: Tensors) -> list[Path]:
    """Writes the tensors and the manifest, and returns their paths.

    A reader never sees half a file. If the second can't be put in place, the first is put back as it was.
    """
    beside, own = paths(path)
    if beside is None:
        manifest = {**manifest, "state": {key: _stored(value) for key, value in tensors.items()}}
    text = json.dumps(manifest, allow_nan=False, indent=None, separators=(",", ":")).encode()
    contents = [(own, text)]
    if beside is not None:
        contents.insert(0, (beside, safetensors.numpy.save(tensors)))
    _replace_all(contents)
    return [path for path, _ in contents]


def _stored(tensor: np.ndarray) -> StoredTensor:
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype), "data": tensor.reshape(-1).tolist()}


def _replace_all(contents: list[tuple[Path, bytes]]) -> None:
    mark = secrets.token_hex(4)
    new = [(path, path.with_name(f".{path.name}.{mark}.new")) for path, _ in contents]
    old = [(path, path.with_name(f".{path.name}.{mark}.old")) for path, _ in contents]
    replaced: list[tuple[Path, Path]] = []
    try:
        for (_, temporary), (_, content) in zip(new, contents, strict=True):
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for (path, temporary), (_, kept) in zip(new, old, strict=True):
            if path.exists():
                os.link(path, kept)
            replaced.append((path, kept))
            os.replace(temporary, path)
    except BaseException:
        for path, kept in replaced:
            if kept.exists():
                os.replace(kept, path)
            else:
                path.unlink(missing_ok=True)
        raise
    finally:
        for _, leftover in new + old:
            leftover.unlink(missing_ok=True)
