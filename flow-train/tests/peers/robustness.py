#!/usr/bin/env python3
"""Trains every family on every shared set with many seeds, and on rows made to break a training, all at defaults:
each must give a finite model or a sentence. See README.md."""
import argparse
import collections
import math
import pathlib
import re
import tempfile
import time

import numpy as np
import pandas as pd

import common

FAMILIES = ["nice", "realnvp", "nsf", "maf", "iaf", "nsf-ar"]
# Columns that say what a row is, and are no measurement.
ROLES = ["label", "train", "split", "set", "cls", "recording", "is_anomaly"]


def shared_set(path):
    """The rows to train on: normal ones, or the training part, where a set says so."""
    frame = pd.read_csv(path)
    for role, value in [("train", 1), ("split", 1), ("set", "train")]:
        if role in frame:
            frame = frame[frame[role] == value]
    frame = frame.drop(columns=[role for role in ROLES if role in frame]).select_dtypes("number")
    return frame[common.varying(frame)]


def hard_sets():
    """Rows that are known to break trainings."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((1000, 4)) @ (np.eye(4) + 0.5 * rng.standard_normal((4, 4)))
    outliers = rows.copy()
    outliers[rng.choice(1000, 5, replace=False), rng.integers(0, 4, 5)] = 1e6 * rng.choice([-1, 1], 5)
    duplicated = rows[rng.integers(0, 8, 1000)]
    near_constant = rows.copy()
    near_constant[:, 1] = 5.0 + (np.arange(1000) % 500 == 0) * 1e-3
    near_constant[:, 2] = 1e6 + 1e-2 * rows[:, 2]
    constant = rows.copy()
    constant[:, 3] = 7.0
    copied = rows.copy()
    copied[:, 3] = copied[:, 0]
    huge = rows * [1e-30, 1.0, 1e30, 1e5]
    cauchy = rng.standard_cauchy((1000, 4))
    made = {
        "outliers at 1e6 standard deviations": outliers,
        "8 rows, 125 times each": duplicated,
        "near-constant columns": near_constant,
        "a constant column": constant,
        "a column twice": copied,
        "30 rows": rows[:30],
        "30 rows of 20 columns": rng.standard_normal((30, 20)),
        "10 rows": rows[:10],
        "one column": rows[:, :1],
        "scales from 1e-30 to 1e30": huge,
        "Cauchy": cauchy,
    }
    return {name: pd.DataFrame(rows, columns=[f"x{c}" for c in range(rows.shape[1])]) for name, rows in made.items()}


def one(flow, folder, frame, family, seed, epochs):
    """One training: what came of it (model, sentence, or what is wrong), and a detail."""
    rows, model = folder / "rows.csv", folder / "model.flow"
    model.unlink(missing_ok=True)
    common.write(frame, rows)
    more = [] if epochs is None else ["--epochs", epochs]
    try:
        report = common.train(flow, rows, model, "--family", family, "--seed", seed, *more)
    except common.Refused as refused:
        text = str(refused)
        last = text.splitlines()[-1] if text else ""
        is_sentence = refused.code == 1 and last.endswith((".", ":")) or re.search(r"error: .+", text)
        wrong = "panicked" in text or refused.code not in (1, 2) or not is_sentence
        return ("wrong" if wrong else "sentence"), last.replace(str(rows), "rows.csv")
    if not math.isfinite(report["log_prob_mean"] if report["log_prob_mean"] is not None else math.nan):
        return "wrong", f"held-out log-likelihood {report['log_prob_mean']}, {report['impossible']} rows impossible"
    log_prob = common.score(flow, model, rows)
    if np.isnan(log_prob).any():
        return "wrong", f"{np.isnan(log_prob).sum()} of its own rows score NaN"
    return "model", report["log_prob_mean"]


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--epochs", type=int, help="fewer than the default, for a quick look")
    parser.add_argument("--families", nargs="*", default=FAMILIES)
    parser.add_argument("--only", choices=["shared", "hard"], help="one half of the table")
    parser.add_argument("--log", type=pathlib.Path, help="append a line for each training to this file")
    options = common.parse(parser)
    sets = {}
    if options.only != "hard":
        sets |= {path.stem: shared_set(path) for path in sorted(options.data.glob("*.csv"))}
    if options.only != "shared":
        sets |= hard_sets()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    counts, seconds, details = collections.Counter(), collections.defaultdict(float), collections.Counter()
    slowest, start = collections.defaultdict(lambda: (0.0, "")), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            for name, frame in sets.items():
                for family in options.families:
                    begin = time.monotonic()
                    what, detail = one(options.flow, pathlib.Path(folder), frame, family, seed, options.epochs)
                    took = time.monotonic() - begin
                    counts[name, family, what] += 1
                    seconds[name] += took
                    slowest[name] = max(slowest[name], (took, family))
                    if what != "model":
                        details[name, family, what, str(detail)] += 1
                    if options.log:
                        with options.log.open("a") as log:
                            print(seed, name, family, what, detail, f"{took:.1f}", sep="\t", file=log)
    common.heading("Trainings at defaults that end well", options)
    print("Models with a finite held-out log-likelihood + refusals in a sentence, of so many seeds.\n")
    rows = []
    for name, frame in sets.items():
        cells = []
        for family in options.families:
            model, sentence, wrong = (counts[name, family, what] for what in ("model", "sentence", "wrong"))
            cells.append(f"{model}" + (f" + {sentence}" if sentence else "") + (f" (**{wrong} wrong**)" if wrong else ""))
        took, family = slowest[name]
        rows.append([name, f"{len(frame)} × {frame.shape[1]}", *cells, f"{took:.1f} ({family})"])
    common.table(["set", "rows × D", *options.families, "slowest, s"], rows)
    of = collections.Counter()
    for (_, _, what), count in counts.items():
        of[what] += count
    print(
        f"{sum(of.values())} trainings in {(time.monotonic() - start) / 60:.0f} minutes: {of['model']} models, "
        f"{of['sentence']} sentences, {of['wrong']} wrong."
    )
    grouped = collections.defaultdict(list)
    for (name, family, what, detail), count in details.items():
        grouped[name, what, detail].append(f"{family} {count}×")
    for (name, what, detail), who in grouped.items():
        print(f"- {name}, {what} ({', '.join(who)}): {detail}")
    raise SystemExit(1 if of["wrong"] else 0)


if __name__ == "__main__":
    main()
