#!/usr/bin/env python3
"""Trains every family on every shared set with many seeds, and on rows made to break a training, all at defaults:
each set must give a finite model, the other rows that or a sentence. See README.md."""
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


def one(flow, folder, frame, family, seed, arguments=()):
    """One training: what came of it (model, sentence, or what is wrong), and a detail."""
    rows, model = folder / "rows.csv", folder / "model.flow"
    model.unlink(missing_ok=True)
    common.write(frame, rows)
    try:
        report = common.train(flow, rows, model, "--family", family, "--seed", seed, *arguments)
    except common.Refused as refused:
        text = str(refused)
        last = text.splitlines()[-1] if text else ""
        wrong = "panicked" in text or refused.code not in (1, 2) or not re.match(r"error: .+ .+ .+", last)
        return ("wrong" if wrong else "sentence"), last.replace(str(rows), "rows.csv")
    if not math.isfinite(report["log_prob_mean"] if report["log_prob_mean"] is not None else math.nan):
        return "wrong", f"held-out log-likelihood {report['log_prob_mean']}, {report['impossible']} rows impossible"
    log_prob = common.score(flow, model, rows)
    if np.isnan(log_prob).any():
        return "wrong", f"{np.isnan(log_prob).sum()} of its own rows score NaN"
    return "model", report["log_prob_mean"]


def advised(flow, folder, frame, family, seed):
    """The same for a set of which columns may be constant in the training part: they are left out, as the refusal
    says, until none is."""
    arguments = []
    while True:
        what, detail = one(flow, folder, frame, family, seed, arguments)
        advice = re.search(r"a constant has no density; leave \w+ out with (--columns) (\S+)$", str(detail))
        if what != "sentence" or advice is None or list(advice.groups()) == arguments:
            return what, detail
        arguments = list(advice.groups())


def recorded(path):
    """Trainings in a log: what came of each, its detail and its seconds."""
    if path is None or not path.exists():
        return {}
    lines = (line.split("\t") for line in path.read_text().splitlines())
    return {(int(seed), name, family): (what, detail, float(took)) for seed, name, family, what, detail, took in lines}


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--log", type=pathlib.Path, help="write a line for each training to this file, and don't repeat those in it"
    )
    options = common.parse(parser)
    shared = {path.stem: shared_set(path) for path in sorted(options.data.glob("*.csv"))}
    sets = shared | hard_sets()
    done = recorded(options.log)
    counts, seconds, details = collections.Counter(), collections.defaultdict(float), collections.Counter()
    slowest = collections.defaultdict(lambda: (0.0, ""))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for name, frame in sets.items():
                for family in FAMILIES:
                    if (seed, name, family) in done:
                        what, detail, took = done[seed, name, family]
                    else:
                        begin, way = time.monotonic(), advised if name in shared else one
                        what, detail = way(options.flow, pathlib.Path(folder), frame, family, seed)
                        took = time.monotonic() - begin
                        if options.log:
                            with options.log.open("a") as log:
                                print(seed, name, family, what, detail, f"{took:.2f}", sep="\t", file=log)
                    counts[name, family, what] += 1
                    seconds[name] += took
                    slowest[name] = max(slowest[name], (took, family))
                    if what != "model":
                        details[name, family, what, str(detail)] += 1
    common.heading("Trainings at defaults that end well", options)
    print(
        "Models with a finite held-out log-likelihood + refusals in a sentence, of so many seeds. Of the shared sets, "
        "the\nrows that are to train; columns that are constant in the training part are left out as the refusal "
        "advises.\n"
    )
    rows = []
    for name, frame in sets.items():
        cells = []
        for family in FAMILIES:
            model, sentence, wrong = (counts[name, family, what] for what in ("model", "sentence", "wrong"))
            more = (f" + {sentence}" if sentence else "") + (f" (**{wrong} wrong**)" if wrong else "")
            cells.append(f"{model}{more}")
        took, family = slowest[name]
        rows.append([name, f"{len(frame)} × {frame.shape[1]}", *cells, f"{took:.1f} ({family})"])
    common.table(["set", "rows × D", *FAMILIES, "slowest, s"], rows)
    of = collections.Counter()
    for (_, _, what), count in counts.items():
        of[what] += count
    print(
        f"{sum(of.values())} trainings in {sum(seconds.values()) / 60:.0f} minutes: {of['model']} models, "
        f"{of['sentence']} sentences, {of['wrong']} wrong."
    )
    grouped = collections.defaultdict(list)
    for (name, family, what, detail), count in details.items():
        grouped[name, what, detail].append(f"{family} {count}×")
    for (name, what, detail), who in grouped.items():
        print(f"- {name}, {what} ({', '.join(who)}): {detail}")
    short = [name for name in shared for family in FAMILIES if counts[name, family, "model"] < options.seeds]
    raise SystemExit(1 if of["wrong"] or short else 0)


if __name__ == "__main__":
    main()
