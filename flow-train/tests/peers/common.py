"""What the scripts on quality share: the command's options, tables, and runs of `flow`."""
import argparse
import json
import pathlib
import platform
import re
import subprocess
import sys

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[3]


def parser(description):
    """Options of every script; paths are relative to where it is started."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--data", type=pathlib.Path, default=ROOT / "../shared/data", help="folder of the shared sets")
    options.add_argument("--flow", default=str(ROOT / "target/release/flow"), help="the built command flow")
    return options


def parse(options):
    options = options.parse_args()
    if not options.data.is_dir():
        sys.exit(f"There is no folder {options.data}: give --data the folder of the shared sets.")
    return options


def heading(title, options):
    """The title of a table, with the command that makes it again, whatever paths it was started with."""
    given = [f"--{key} {getattr(options, key)}" for key in ("seeds", "epochs") if getattr(options, key, None)]
    version = subprocess.run([options.flow, "--version"], capture_output=True, text=True).stdout.strip()
    command = " ".join(["flow-train/tests/peers/" + pathlib.Path(sys.argv[0]).name, *given])
    print(f"# {title}\n\n```\npython {command}\n```\n\n{version}, {platform.machine()}.\n", flush=True)


def row(cells):
    """A row of a table in Markdown."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(header, rows):
    """Prints a table in Markdown."""
    for cells in [header, ["---"] * len(header), *rows]:
        print(row(cells))
    print(flush=True)


def varying(frame):
    """Columns that take more than one value."""
    return [name for name in frame if frame[name].nunique() > 1]


def write(frame, path):
    """Writes a table as text that reads back as the same `f32`."""
    frame.to_csv(path, index=False, float_format="%.9g")
    return path


class Refused(Exception):
    """`flow` ended with an error; its text is the command's own."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise Refused(done.returncode, done.stderr.strip())
    return done.stdout


def train(flow, rows, model, *arguments):
    """Trains on a file; gives the report of `flow train --json`. Refused if it fails."""
    return json.loads(run([flow, "train", rows, "-o", model, "--json", *arguments]))


def score(flow, model, rows):
    """`log_prob` of each row of a file, in nats; infinite where the model knows no density."""
    text = run([flow, "score", model, rows, "-o", "-", "-q"])
    return np.array([float(line.split(",")[0]) for line in text.splitlines()[1:]])


def decimals(column):
    """Decimals that half of the numbers in a column of text are written with: columns are rounded to so many, or to
    so many digits."""
    return int(column.map(lambda text: len(re.sub(r"^[^.]*\.?", "", text))).median())
