"""Trains a flow of every family for a moment and writes its files, for whoever imports, compiles and runs them.

    PYTHONPATH=src python tests/live.py OUT_DIR [--archive FILE]

writes ``OUT_DIR/FAMILY/flow.safetensors`` and ``flow.json``, whose golden rows are held-out rows of what it was
trained on and rows far out. The archive holds all of them, the same bytes for the same files: the committed one
(``flow-train/crates/import/tests/imported.zip``) is for tests that have no library.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import paramax
import torch
from families import FAMILIES, Family, Rows, data
from flow_bridge import export

#: Steps of Adam, over all rows at once.
STEPS = 30
_LEARNING_RATE = 5e-3
_HELD_OUT = 96
#: One golden row in so many is moved this many standard deviations out.
_ONE_IN, _FAR = 12, 6.0


def train(family: Family, flow: Any, x: Rows, context: Rows | None) -> tuple[Any, list[float]]:
    """The fitted flow and its loss at each step, in nats."""
    if family.library == "flowjax":
        return _train_jax(flow, x, context)
    event = torch.tensor(x, dtype=torch.float32)
    condition = None if context is None else torch.tensor(context, dtype=torch.float32)
    optimiser = torch.optim.Adam(flow.parameters(), lr=_LEARNING_RATE)
    losses = []
    flow.train()
    for _ in range(STEPS):
        loss = -_torch_log_prob(family, flow)(event, condition).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(loss.item())
    return flow.eval(), losses


def _torch_log_prob(family: Family, flow: Any) -> Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]:
    def log_prob(x: torch.Tensor, context: torch.Tensor | None) -> torch.Tensor:
        found: torch.Tensor
        if family.library == "zuko":
            found = flow(context).log_prob(x)
        else:
            found = flow.log_prob(x) if context is None else flow.log_prob(x, context=context)
        return found

    return log_prob


def _train_jax(flow: Any, x: Rows, context: Rows | None) -> tuple[Any, list[float]]:
    # Plain gradient steps: an optimiser of its own library is nothing that the files know of.
    event = jnp.asarray(x, dtype=jnp.float32)
    condition = None if context is None else jnp.asarray(context, dtype=jnp.float32)
    frozen = {"is_leaf": lambda leaf: isinstance(leaf, paramax.NonTrainable)}
    moved, still = eqx.partition(flow, eqx.is_inexact_array, **frozen)

    def step(moved: Any) -> tuple[Any, Any]:
        def loss(own: Any) -> Any:
            return -paramax.unwrap(eqx.combine(own, still)).log_prob(event, condition).mean()

        value, gradient = eqx.filter_value_and_grad(loss)(moved)
        return jax.tree_util.tree_map(lambda own, slope: own - 0.02 * slope, moved, gradient), value

    losses = []
    compiled = eqx.filter_jit(step)
    for _ in range(STEPS):
        moved, value = compiled(moved)
        losses.append(float(value))
    return eqx.combine(moved, still), losses


def write(family: Family, folder: Path) -> list[float]:
    """Trains and exports one family, and gives the losses."""
    x, context = data(family.features, family.context)
    fitted, held_out = slice(_HELD_OUT, None), slice(_HELD_OUT)
    mean, std = x[fitted].mean(0), x[fitted].std(0)
    inside = (x[fitted] - mean) / std
    flow, losses = train(family, family.make(), inside, None if context is None else context[fitted])
    golden = x[held_out].copy()
    golden[::_ONE_IN] += _FAR * std * np.random.default_rng(2).standard_normal(golden[::_ONE_IN].shape)
    folder.mkdir(parents=True, exist_ok=True)
    export(
        flow,
        folder / "flow",
        standardise=(mean, std),
        golden=golden if context is None else (golden, context[held_out]),
        name=family.name,
    )
    return losses


def archive(folder: Path, path: Path) -> None:
    """Packs what was written to a folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(folder.glob("*/flow.*")):
            # An entry without the file's time.
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            packed.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="pack all files into this ZIP archive")
    arguments = parser.parse_args()
    for family in FAMILIES:
        losses = write(family, arguments.folder / family.name)
        print(f"{family.name}: {losses[0]:.3f} nats before, {losses[-1]:.3f} after", flush=True)
    if arguments.archive:
        archive(arguments.folder, arguments.archive)


if __name__ == "__main__":
    main()
