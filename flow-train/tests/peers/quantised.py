#!/usr/bin/env python3
"""What `flow quantise` costs on the shared anomaly sets, and the bars to reach. See README.md."""
import io
import json
import pathlib
import tempfile

import numpy as np
import pandas as pd
from scipy.stats import betabinom
from sklearn.metrics import roc_auc_score

import common
from anomalies import SETS

FORMATS = ["f16", "i16", "i8"]
# A quarter of the normal rows is kept from training, to choose formats and to calibrate.
HELD, ALPHA = 0.25, 0.05
# In nats on normal test rows; in AUROC.
MEAN_DIFFERENCE, AUROC_DIFFERENCE = 0.05, 0.005
# Models that the repository carries, with rows and how they are chosen.
CARRIED = [
    ("examples/anomaly-firmware/model.flow", "flow-train/crates/cli/data/basic_motions.csv", ["--only", "activity=standing,walking"]),
]
# So many false alarms or more happen by chance in one of a thousand models that keep the promise.
UNLIKELY = 0.001


def ranks(label, log_prob):
    """AUROC of low log-likelihoods; -inf is the least likely."""
    return roc_auc_score(label, -np.nan_to_num(log_prob, neginf=-1e30, posinf=1e30))


def one(options, folder, name, seed):
    """Trains on the rows with train = 1, quantises, and compares on all others."""
    frame = pd.read_csv(options.data / f"{name}.csv")
    normal = frame.pop("train") == 1
    label = frame.pop("label")[~normal].to_numpy()
    rows = frame[normal].sample(frac=1, random_state=seed)
    held = int(HELD * len(rows))
    held, train = common.write(rows[:held], folder / "held.csv"), common.write(rows[held:], folder / "train.csv")
    test = common.write(frame[~normal], folder / "test.csv")
    model = folder / "model.flow"
    report = common.train(
        options.flow, train, model, "--columns", ",".join(common.varying(rows[len(rows) // 4:])),
        "--split", "random", "--alpha", str(ALPHA), "--seed", seed, *options.more.split(),
    )
    before = common.score(options.flow, model, test)
    for weights in FORMATS:
        small = folder / f"{weights}.flow"
        lost = json.loads(
            common.run([options.flow, "quantise", model, held, "--weights", weights, "-o", small, "--json"])
        )
        scores = pd.read_csv(io.StringIO(common.run([options.flow, "score", small, test, "-o", "-", "-q"])))
        after = scores.log_prob.to_numpy()
        alarms = scores.alarm[label == 0]
        assert not np.isnan(before).any() and not np.isnan(after).any()
        both = (label == 0) & np.isfinite(before) & np.isfinite(after)
        one = (label == 0) & (np.isfinite(before) != np.isfinite(after))
        # The promise is an average over calibrations, each of which is off by the luck of its rows.
        exceeded = int(ALPHA * (lost["rows"] + 1))
        luck = betabinom(len(alarms), exceeded, lost["rows"] + 1 - exceeded).sf(alarms.sum() - 1)
        yield dict(
            set=name, seed=seed, family=report["family"], weights=weights,
            tables=lost["table_bytes"], before=lost["table_bytes_before"],
            mean=np.abs(before - after)[both].mean(), worst=np.abs(before - after)[both].max(),
            auroc=ranks(label, after) - ranks(label, before),
            lost=int(one.sum()), clamped=lost["clamped"] / lost["rows"], alarms=alarms.mean(), luck=luck,
        )


def missed_bars(runs):
    """The bars that are missed, as sentences."""
    for run in runs.itertuples():
        place = f"{run.set}, seed {run.seed}, {run.family} as {run.weights}"
        if run.lost:
            yield f"{place}: {run.lost} normal rows have a density in one of both models alone."
        if not run.mean <= MEAN_DIFFERENCE:
            yield f"{place}: off by {run.mean:.3f} nats in the mean."
        if run.auroc < -AUROC_DIFFERENCE:
            yield f"{place}: AUROC changes by {run.auroc:.4f}."
        if run.luck < UNLIKELY:
            yield f"{place}: false alarms on {run.alarms:.3f} of the normal rows, {ALPHA} promised."


def carried(options):
    """The same of models that the repository carries, by `flow quantise` alone: `flow-train/crates/cli/tests/all/stated.rs`
    holds the rows to the tool."""
    for model, rows, only in CARRIED:
        for weights in FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                command = [options.flow, "quantise", common.ROOT / model, common.ROOT / rows, "--weights", weights, *only]
                lost = json.loads(common.run([*command, "-o", pathlib.Path(folder) / "small.flow", "--json"]))
            yield [
                model, " ".join([rows, *only]), weights, f"{lost['table_bytes_before']} → {lost['table_bytes']}",
                f"{lost['mean_difference']:.4f}", f"{lost['worst_difference']:.3f}", lost["lost"],
                f"{lost['clamped']} of {lost['rows']}",
            ]


def trained(options):
    """The rows of the shared sets, and the bars that they miss."""
    with tempfile.TemporaryDirectory() as folder:
        runs = pd.DataFrame(
            row for name in SETS for seed in range(options.seeds)
            for row in one(options, pathlib.Path(folder), name, seed)
        )
    rows = [
        [run.set, run.seed, run.family, run.weights, f"{run.before} → {run.tables}", f"{run.mean:.4f}",
         f"{run.worst:.2f}", f"{run.auroc:+.4f}", f"{run.alarms:.3f}", f"{run.clamped:.3f}"]
        for run in runs.itertuples()
    ]
    return rows, list(missed_bars(runs))


def differing(rows, path):
    """Rows that a file does not hold as they are."""
    lines = set(path.read_text().splitlines())
    return [own for own in map(common.row, rows) if own not in lines]


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--more", default="", help="further options of flow train")
    parser.add_argument("--check", type=pathlib.Path, help="print nothing but the rows that this file does not hold")
    options = common.parse(parser)
    rows, missed = trained(options)
    small = list(carried(options))
    if options.check:
        missed += [f"not in {options.check}: {own}" for own in differing(rows + small, options.check)]
        raise SystemExit("\n".join(missed) if missed else 0)
    common.heading("Quantised models on the anomaly sets", options)
    common.table(
        ["set", "seed", "family", "weights", "tables, bytes", "mean difference, nats", "worst", "AUROC", "false alarms",
         "rows clamped"], rows
    )
    print("\n".join(missed) if missed else "Every bar is reached.")
    print("\n## Models that the repository carries\n\nWhat `flow quantise` prints; a test compares it for every change.\n")
    common.table(
        ["model", "rows", "weights", "tables, bytes", "mean difference, nats", "worst", "rows lost", "rows clamped"], small
    )
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
