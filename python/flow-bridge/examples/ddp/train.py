"""Trains a zuko flow on Parquet shards with any number of processes, and exports it for `flow import`.

    torchrun --standalone --nproc-per-node 2 train.py shards model
    torchrun --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29400 train.py shards model

No process holds more than its shuffle buffer, whatever the size of the data. The batch is that of all processes
together, so that their number changes the time and not the fit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
import torch.distributed as dist
import zuko
from flow_bridge import export

Rows = npt.NDArray[np.float32]
#: Rows that are scored at once.
_SCORED = 8192
#: Golden rows that the export takes of the test rows.
_GOLDEN = 128


@dataclass(frozen=True)
class Group:
    """One row group: what is read at once."""

    path: Path
    index: int
    rows: int

    def read(self) -> Rows:
        """Its rows, and nothing else of its file."""
        with pq.ParquetFile(self.path, memory_map=False) as file:
            table = file.read_row_group(self.index, use_threads=False)
            return np.column_stack([column.to_numpy() for column in table.itercolumns()]).astype(np.float32, copy=False)


def row_groups(paths: list[Path]) -> list[Group]:
    """All row groups of some files, by their footers alone."""
    groups = []
    for path in paths:
        metadata = pq.read_metadata(path)
        groups += [Group(path, index, metadata.row_group(index).num_rows) for index in range(metadata.num_row_groups)]
    return groups


def share(groups: list[Group], rank: int, world: int, order: np.random.Generator | None = None) -> list[Group]:
    """The groups of one process. With an order, which all processes must have in common, they are dealt out anew."""
    dealt = groups if order is None else [groups[index] for index in order.permutation(len(groups))]
    return dealt[rank::world]


def batches(groups: list[Group], size: int, buffer: int, random: np.random.Generator) -> Iterator[Rows]:
    """Batches of rows, shuffled among as many as the buffer holds; an incomplete last one is left out."""
    held: list[Rows] = []
    count = 0
    for position, group in enumerate(groups):
        held.append(group.read())
        count += group.rows
        if count < buffer and position + 1 < len(groups):
            continue
        rows = random.permutation(np.concatenate(held))
        whole = len(rows) - len(rows) % size
        yield from np.split(rows[:whole], whole // size)
        held, count = [rows[whole:].copy()], len(rows) - whole


def steps_of_an_epoch(groups: list[Group], size: int, world: int, order: np.random.Generator) -> int:
    """So many batches has the process with the fewest: all must take the same number of steps."""
    shares = (share(groups, rank, world, order_of(order)) for rank in range(world))
    return min(sum(group.rows for group in own) // size for own in shares)


def order_of(order: np.random.Generator) -> np.random.Generator:
    """A copy of a generator, so that each use of an order sees the same numbers."""
    copied = np.random.default_rng()
    copied.bit_generator.state = order.bit_generator.state
    return copied


def moments(groups: list[Group], around: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Count, sums and sums of squares of each column, measured from a point near them."""
    columns = len(around)
    total = np.zeros((3, columns))
    for group in groups:
        rows = group.read() - around
        total += [np.full(columns, len(rows)), rows.sum(axis=0), (rows**2).sum(axis=0)]
    return total


def mean_and_std(
    total: npt.NDArray[np.float64], around: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of the moments of all processes together."""
    count, first, second = total
    mean = first / count
    return around + mean, np.sqrt(second / count - mean**2)


class NegativeLogLikelihood(torch.nn.Module):
    """The loss as a module: what `DistributedDataParallel` wraps is its forward."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """In nats, the mean over the rows."""
        loss: torch.Tensor = -self.flow().log_prob(x).mean()
        return loss


@dataclass(frozen=True)
class Score:
    """A mean log-likelihood in the units of the raw data, and its standard error."""

    mean: float
    error: float


class Trainer:
    """One process of the training."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        if arguments.batch % self.world:
            raise SystemExit(f"a batch of {arguments.batch} can't be dealt out to {self.world} processes evenly")
        self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if torch.cuda.is_available() else "cpu"
        folder = arguments.shards
        self.training = row_groups(sorted(folder.glob("train-*.parquet")))
        self.validation = row_groups([folder / "validation.parquet"])
        self.test = row_groups([folder / "test.parquet"])
        self.columns = pq.read_schema(folder / "test.parquet").names
        # Every process starts with the same weights; what it sees of the data is its own.
        torch.manual_seed(arguments.seed)
        self.order = np.random.default_rng([arguments.seed, 0])
        self.random = np.random.default_rng([arguments.seed, 1, self.rank])
        self.flow = zuko.flows.NSF(
            len(self.columns), transforms=arguments.transforms, hidden_features=[arguments.hidden] * 2
        ).to(self.device)
        wrapped = torch.nn.parallel.DistributedDataParallel
        self.loss = wrapped(NegativeLogLikelihood(self.flow))
        self.checkpoint = arguments.model.with_suffix(".pt")

    def everywhere(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum over all processes."""
        # The devices of some backends have no 64 bits to spare, but sums of squares need them.
        tensor = torch.as_tensor(values, dtype=torch.float64).to(self.device)
        dist.all_reduce(tensor)
        total: npt.NDArray[np.float64] = tensor.cpu().numpy()
        return total

    def standardise(self) -> None:
        """The first pass over the data."""
        around = self.training[0].read()[0].astype(np.float64)
        total = self.everywhere(moments(share(self.training, self.rank, self.world), around))
        self.mean, self.std = mean_and_std(total, around)
        if not (self.std > 0.0).all():
            constant = [name for name, std in zip(self.columns, self.std, strict=True) if not std > 0.0]
            raise SystemExit(f"columns that are constant have no density: {', '.join(constant)}")

    def tensor(self, rows: Rows) -> torch.Tensor:
        """Rows in the flow's units."""
        inside = (rows - self.mean) / self.std
        return torch.as_tensor(inside, dtype=torch.float32).to(self.device)

    def score(self, groups: list[Group]) -> Score:
        """Over rows of which each process scores its share."""
        total = np.zeros(3)
        self.flow.eval()
        for group in share(groups, self.rank, self.world):
            for rows in np.array_split(group.read(), -(-group.rows // _SCORED)):
                with torch.no_grad():
                    found = self.flow().log_prob(self.tensor(rows)).double().cpu().numpy()
                total += [len(found), found.sum(), (found**2).sum()]
        self.flow.train()
        count, first, second = self.everywhere(total)
        mean = first / count
        error = np.sqrt((second / count - mean**2) / count)
        return Score(float(mean - np.log(self.std).sum()), float(error))

    def say(self, text: str) -> None:
        """Prints on one process."""
        if self.rank == 0:
            print(text, flush=True)

    def fit(self) -> int:
        """Trains until the validation rows get no better, and gives the number of steps."""
        own, size = self.arguments, self.arguments.batch // self.world
        optimiser = torch.optim.Adam(self.loss.parameters(), lr=own.learning_rate)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode="max", factor=0.3, patience=1)
        best, worse, step = -np.inf, 0, 0
        for epoch in range(own.epochs):
            steps = steps_of_an_epoch(self.training, size, self.world, self.order)
            if steps == 0:
                raise SystemExit("a process has no whole batch of rows: take smaller row groups or fewer processes")
            groups = share(self.training, self.rank, self.world, order_of(self.order))
            self.order = self.order.spawn(1)[0]
            stream = batches(groups, size, own.buffer, self.random)
            for index, rows in zip(range(steps), stream, strict=False):
                loss = self.loss(self.tensor(rows))
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                torch.nn.utils.clip_grad_norm_(self.loss.parameters(), 5.0)
                optimiser.step()
                step += 1
                if step % own.validate_every and index + 1 < steps:
                    continue
                # The sums are those of all processes: each comes to the same decision.
                score = self.score(self.validation)
                schedule.step(score.mean)
                self.say(f"epoch {epoch + 1}, step {step}: {score.mean:.4f} ± {score.error:.4f} nats")
                if score.mean > best:
                    best, worse = score.mean, 0
                    self.save()
                else:
                    worse += 1
                if not np.isfinite(best):
                    raise SystemExit("the validation rows have no finite score: take a lower learning rate")
                if worse > own.patience or step == own.steps:
                    return step
        return step

    def save(self) -> None:
        """Keeps the best weights, never half a file."""
        if self.rank == 0:
            new = self.checkpoint.with_suffix(".new")
            torch.save({"flow": self.flow.state_dict(), "mean": self.mean, "std": self.std}, new)
            os.replace(new, self.checkpoint)

    def restore(self) -> None:
        """All processes go back to the best weights."""
        dist.barrier()
        if self.rank == 0:
            self.flow.load_state_dict(torch.load(self.checkpoint, weights_only=False)["flow"])
        for tensor in self.flow.state_dict().values():
            dist.broadcast(tensor, src=0)

    def export(self) -> None:
        """Writes what `flow import` reads, with test rows as golden ones."""
        if self.rank == 0:
            golden = self.test[0].read()[:_GOLDEN].astype(np.float64)
            export(
                self.flow, self.arguments.model, standardise=(self.mean, self.std), columns=self.columns, golden=golden
            )


def train(arguments: argparse.Namespace) -> dict[str, float]:
    """What one process does; the report is the same on all."""
    start = time.monotonic()
    trainer = Trainer(arguments)
    trainer.standardise()
    standardised = time.monotonic()
    step = trainer.fit()
    trained = time.monotonic()
    trainer.restore()
    score = trainer.score(trainer.test)
    trainer.export()
    # Linux counts in KiB.
    peak = np.zeros(trainer.world)
    peak[trainer.rank] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    report = {
        "processes": trainer.world,
        "rows": sum(group.rows for group in trainer.training),
        "data_mib": sum(group.rows for group in trainer.training) * len(trainer.columns) * 4 / 2**20,
        "steps": step,
        "test_log_prob": score.mean,
        "standard_error": score.error,
        "standardise_s": standardised - start,
        "train_s": trained - standardised,
        "rows_per_s": step * arguments.batch / (trained - standardised),
        "peak_mib_of_a_process": float(trainer.everywhere(peak).max()),
    }
    if trainer.rank == 0:
        arguments.model.with_suffix(".report.json").write_text(json.dumps(report) + "\n")
    trainer.say(json.dumps(report))
    return report


def main() -> None:
    """The command of each process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="a folder as make_shards.py writes it")
    parser.add_argument("model", type=Path, help="writes MODEL.safetensors, MODEL.json, MODEL.pt and MODEL.report.json")
    parser.add_argument("--transforms", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=48, help="units of each of two hidden layers")
    parser.add_argument("--batch", type=int, default=2048, help="rows of a step, of all processes together")
    parser.add_argument("--buffer", type=int, default=131_072, help="rows that a process shuffles among")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--epochs", type=int, default=20, help="at most")
    parser.add_argument("--steps", type=int, help="at most; counted when the validation rows are scored")
    parser.add_argument("--validate-every", type=int, default=500, metavar="STEPS")
    parser.add_argument("--patience", type=int, default=4, help="scores that are no better before it stops")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if "RANK" not in os.environ:
        parser.error("start it with torchrun, which tells each process who it is")
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        train(arguments)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
