"""Writes a fleet's rows to measure with: correlated normal numbers, three kinds of device.

    python rows.py ROWS FOLDER FILES COLUMN…
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ["pump a", "fan/2", "valve"]


def main() -> None:
    rows, folder, files = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    columns = sys.argv[4:]
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for part in range(files):
        own = rows // files
        noise = rng.normal(size=(len(columns), own)).astype(np.float32)
        for before, after in zip(noise, noise[1:]):
            after *= np.float32(0.8)
            after += np.float32(0.6) * before
        kinds = pa.array(rng.choice(KINDS, own)).dictionary_encode()
        table = pa.table([*noise, kinds], names=[*columns, "kind"])
        pq.write_table(table, folder / f"{part:04}.parquet", row_group_size=1 << 17)


if __name__ == "__main__":
    main()
