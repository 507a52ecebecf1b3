"""Writes Parquet shards to train on: of a distribution whose density is known, or of a CSV file.

    python make_shards.py shards --rows 30000000
    python make_shards.py shards --csv recording.csv --columns ax,ay,az

`train-*.parquet` are the shards, `validation.parquet` and `test.parquet` are held out. Of the known distribution
`truth.json` gives the mean log-likelihood of the test rows under it: what a perfect fit would reach.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

Rows = npt.NDArray[np.float32]
#: What is read at once, and shuffled as one.
ROW_GROUP = 16_384
#: Rows of a shard.
SHARD = 64 * ROW_GROUP
#: At most so many rows are held out for validation, and as many to test.
HELD_OUT = 100_000
CHANNELS = 8
#: Units of the known distribution: far from 1, as those of sensors are.
_OFFSET = np.linspace(-50.0, 300.0, CHANNELS)
_UNIT = 10.0 ** np.linspace(-1.0, 2.0, CHANNELS)


def known_rows(count: int, random: np.random.Generator) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Rows of a chain that bends, whose spread depends on where it is, and their log-densities in nats."""
    noise = random.standard_normal((count, CHANNELS))
    x = np.empty_like(noise)
    log_prob = -0.5 * (noise**2 + np.log(2.0 * np.pi)).sum(axis=1) - np.log(_UNIT).sum()
    x[:, 0] = noise[:, 0]
    for channel in range(1, CHANNELS):
        before = x[:, channel - 1]
        log_spread = -0.7 + 0.5 * np.tanh(before)
        x[:, channel] = np.sin(1.5 * before) + np.exp(log_spread) * noise[:, channel]
        log_prob -= log_spread
    return (x * _UNIT + _OFFSET).astype(np.float32), log_prob


def write(path: Path, rows: Rows, columns: list[str]) -> None:
    """Writes one file."""
    table = pa.table({name: rows[:, index] for index, name in enumerate(columns)})
    # Floats of a sensor hardly get smaller, and time is dearer than the disk.
    pq.write_table(table, path, row_group_size=ROW_GROUP, compression="none", use_dictionary=False)


def write_known(folder: Path, rows: int, seed: int) -> None:
    """Writes shards of the known distribution, one after another."""
    columns = [f"channel_{index}" for index in range(CHANNELS)]
    random = np.random.default_rng(seed)
    held_out = min(HELD_OUT, rows // 10)
    write(folder / "validation.parquet", known_rows(held_out, random)[0], columns)
    test, log_prob = known_rows(held_out, random)
    write(folder / "test.parquet", test, columns)
    error = log_prob.std(ddof=1) / np.sqrt(held_out)
    truth = {"test_log_prob": float(log_prob.mean()), "standard_error": float(error)}
    (folder / "truth.json").write_text(json.dumps(truth) + "\n")
    for index, start in enumerate(range(0, rows, SHARD)):
        write(folder / f"train-{index:05}.parquet", known_rows(min(SHARD, rows - start), random)[0], columns)


def write_csv(folder: Path, source: Path, columns: list[str], seed: int) -> None:
    """Writes shards of a CSV file's columns, in random order; a tenth is held out twice."""
    options = pa.csv.ConvertOptions(include_columns=columns, column_types=dict.fromkeys(columns, pa.float32()))
    table = pa.csv.read_csv(source, convert_options=options)
    rows = np.column_stack([table[name].to_numpy() for name in columns])
    rows = np.random.default_rng(seed).permutation(rows)
    held_out = min(HELD_OUT, len(rows) // 10)
    write(folder / "validation.parquet", rows[:held_out], columns)
    write(folder / "test.parquet", rows[held_out : 2 * held_out], columns)
    rows = rows[2 * held_out :]
    for index, start in enumerate(range(0, len(rows), SHARD)):
        write(folder / f"train-{index:05}.parquet", rows[start : start + SHARD], columns)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the known distribution, to train on")
    parser.add_argument("--csv", type=Path, help="take the rows of this file instead")
    parser.add_argument("--columns", type=lambda text: text.split(","), help="of the CSV file, with commas between")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if (arguments.csv is None) != (arguments.columns is None):
        parser.error("--csv and --columns go together")
    arguments.folder.mkdir(parents=True)
    if arguments.csv is None:
        write_known(arguments.folder, arguments.rows, arguments.seed)
    else:
        write_csv(arguments.folder, arguments.csv, arguments.columns, arguments.seed)


if __name__ == "__main__":
    main()
