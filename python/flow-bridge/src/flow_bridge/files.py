"""Writes the files: all of them or none."""

from __future__ import annotations

import io
import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from .error import ExportError
from .manifest import Manifest, StoredTensor
from .taken import Tensors


def name(path: str | os.PathLike[str]) -> str:
    """The name of the files, without what it ends in.

    Raises:
        ExportError: It ends in something else than the forms do.
    """
    path = Path(path)
    if path.suffix not in ("", ".safetensors", ".json", ".npz"):
        raise ExportError("path", f"{path.name} ends in {path.suffix}, which is none of .safetensors, .json and .npz")
    return path.stem


def write(path: str | os.PathLike[str], manifest: Manifest, tensors: Tensors) -> list[Path]:
    """Writes the tensors and the manifest, and returns their paths.

    A reader never sees half a file. If the second can't be put in place, the first is put back as it was.
    """
    path = Path(path)
    if path.suffix == ".json":
        state = {key: _stored(value) for key, value in tensors.items()}
        contents = [(path, _text({**manifest, "state": state}))]
    elif path.suffix == ".npz":
        contents = [(path, _archive(manifest, tensors))]
    else:
        beside = path.with_suffix(".safetensors")
        contents = [(beside, safetensors.numpy.save(tensors)), (path.with_suffix(".json"), _text(manifest))]
    _replace_all(contents)
    return [path for path, _ in contents]


def _text(manifest: Manifest) -> bytes:
    return json.dumps(manifest, allow_nan=False, separators=(",", ":")).encode()


def _archive(manifest: Manifest, tensors: Tensors) -> bytes:
    """Each tensor as ``state/KEY``, and the manifest's bytes as ``manifest``."""
    arrays: dict[str, Any] = {f"state/{key}": value for key, value in tensors.items()}
    file = io.BytesIO()
    np.savez(file, manifest=np.frombuffer(_text(manifest), np.uint8), **arrays)
    return file.getvalue()


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
