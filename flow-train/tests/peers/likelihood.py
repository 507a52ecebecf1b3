#!/usr/bin/env python3
"""Test log-likelihood of `maf` and `nsf-ar`, beside zuko's flows of the same sizes. See README.md."""
import hashlib
import pathlib
import tempfile

import numpy as np
import pandas as pd

import common

SETS = ["winequality", "gasturbine2012", "two moons", "ring"]
PARTS = ["train", "validation", "test"]
# Layers, hidden units and bins of both sides, and what `flow train` calls them.
FAMILIES = {
    "maf": ["--family", "maf", "--layers", "5", "--hidden", "64,64"],
    "nsf-ar": ["--family", "nsf-ar", "--layers", "3", "--hidden", "64,64", "--bins", "8", "--bound", "5"],
}
BATCH, RATE, DECAY, CLIP, AVERAGE = 256, 1e-3, 1e-2, 5.0, 0.999
# A flow whose scale explodes at one test row has a mean, and a standard error, that say nothing about the others:
# rows are compared a second time with no log-density below this, in nats.
FLOOR = -50.0
NOTE = f"""\
Mean over test rows and seeds ± standard error over seeds. The standard error of a difference adds two parts in squares:
that of the mean over the test rows of each row's difference (mean over seeds), and that over the seeds of either side.
The bar is missed by a difference below minus its standard error, floored or not. Both sides: the same rows, noise
against rounding, sizes, batches of {BATCH}, epochs, AdamW at {RATE} with warm-up and cosine, weight decay {DECAY},
clipping at {CLIP}, and the epoch that does best on the validation rows. Ours keeps a moving average of its parameters,
as `flow train` does by default; "zuko, averaged" is zuko with the same average."""


def recorded(data, name):
    """A shared set in its parts, with one draw of noise over the cells that its columns are rounded to."""
    text = pd.read_csv(data / f"{name}.csv", dtype=str)
    split = text.pop("split").map({"1": "train", "2": "validation", "0": "test"})
    rng = np.random.default_rng(0)
    rows = text.astype(float)
    for column in text:
        rows[column] += 10.0 ** -common.decimals(text[column]) * rng.uniform(-0.5, 0.5, len(rows))
    return {part: rows[split == part].to_numpy() for part in PARTS}


def two_moons(rng, rows):
    """Two half circles that interlock, with noise of 0.1."""
    angle, side = rng.uniform(0, np.pi, rows), rng.integers(0, 2, rows)
    x = np.where(side, 1 - np.cos(angle), np.cos(angle))
    y = np.where(side, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x, y], axis=1) + 0.1 * rng.standard_normal((rows, 2))


def ring(rng, rows):
    """A circle of radius 2, normal across with 0.1."""
    angle, radius = rng.uniform(0, 2 * np.pi, rows), 2 + 0.1 * rng.standard_normal(rows)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def parts_of(data, name):
    """Training, validation and test rows, standardised by the training rows."""
    if name in ("two moons", "ring"):
        rng, draw = np.random.default_rng(0), two_moons if name == "two moons" else ring
        parts = {part: draw(rng, rows) for part, rows in zip(PARTS, (5000, 1000, 5000))}
    else:
        parts = recorded(data, name)
    mean, std = parts["train"].mean(0), parts["train"].std(0)
    return {part: ((rows - mean) / std).astype(np.float32) for part, rows in parts.items()}


def zuko_log_probs(family, parts, seed, epochs):
    """Test log-densities of zuko's flow as trained, and with the moving average of its parameters that ours keeps.
    Both at their best epoch on the validation rows. Warm-up, cosine and clipping are ours."""
    import torch
    import zuko

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    train, validation, test = (torch.from_numpy(parts[part]) for part in PARTS)
    sizes = dict(features=train.shape[1], hidden_features=[64, 64])
    make = {
        "maf": lambda: zuko.flows.MAF(transforms=5, **sizes),
        "nsf-ar": lambda: zuko.flows.NSF(transforms=3, bins=8, **sizes),
    }[family]
    flow, averaged = make(), make()
    averaged.load_state_dict(flow.state_dict())
    optimiser = torch.optim.AdamW(flow.parameters(), lr=RATE, weight_decay=DECAY)
    of_epoch = len(train) // BATCH
    warm = 0.05 * epochs * of_epoch

    def rate(step):
        if step + 1 < warm:
            return (step + 1) / warm
        return 0.5 * (1 + np.cos(np.pi * min((step + 1 - warm) / (epochs * of_epoch - warm), 1)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    best, step = [(-np.inf, None, 0)] * 2, 0
    for epoch in range(epochs):
        for rows in torch.randperm(len(train))[: of_epoch * BATCH].split(BATCH):
            loss = -flow().log_prob(train[rows]).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), CLIP)
            optimiser.step()
            schedule.step()
            step += 1
            keep = min(AVERAGE, (1 + step) / (10 + step))
            with torch.no_grad():
                for mean, own in zip(averaged.parameters(), flow.parameters()):
                    mean.lerp_(own, 1 - keep)
        with torch.no_grad():
            for which, own in enumerate((flow, averaged)):
                now = own().log_prob(validation).mean().item()
                if now > best[which][0]:
                    best[which] = (now, own().log_prob(test).numpy(), epoch + 1)
    return [own for _, own, _ in best], [epoch for _, _, epoch in best]


def cached_zuko(folder, name, family, parts, seed, epochs):
    digest = hashlib.sha256(b"".join(rows.tobytes() for rows in parts.values())).hexdigest()[:12]
    path = folder / f"{name.replace(' ', '-')}_{family}_{seed}_{epochs}_{digest}.npz"
    if not path.exists():
        rows, best = zuko_log_probs(family, parts, seed, epochs)
        np.savez(path, rows=rows, best=best)
    return np.load(path)["rows"]


def order_of_parts(flow, folder, seed):
    """Which of three groups, by their order in a file, `flow train` takes for which part: it draws that from the
    seed. Found out from groups of 40, 60 and 80 rows."""
    sizes = [40, 60, 80]
    probe = pd.DataFrame(np.random.default_rng(0).standard_normal((sum(sizes), 2)), columns=["x0", "x1"])
    probe["part"] = np.repeat(["a", "b", "c"], sizes)
    report = common.train(
        flow, common.write(probe, folder / "probe.csv"), folder / "probe.flow",
        "--group", "part", "--seed", seed, "--epochs", 1, "--family", "nice", "--layers", 2,
    )
    names = ["rows_train", "rows_validation", "rows_calibration"]
    return sorted(PARTS, key=lambda part: sizes.index(report[names[PARTS.index(part)]]))


def our_log_probs(flow, folder, family, parts, seed, epochs, more):
    """Test log-densities of our flow. The parts are given as three groups, so that training and validation rows are
    exactly those of zuko's; the test rows calibrate, which no parameter depends on."""
    names = [f"x{channel}" for channel in range(parts["train"].shape[1])]
    frames = {part: pd.DataFrame(rows, columns=names).assign(part=part) for part, rows in parts.items()}
    order = order_of_parts(flow, folder, seed)
    rows = common.write(pd.concat([frames[part] for part in order]), folder / "rows.csv")
    report = common.train(
        flow, rows, folder / "model.flow", *FAMILIES[family], "--group", "part", "--seed", seed,
        "--raw-domains", "--keep-rounding", "--epochs", epochs, "--patience", epochs, "--batch", BATCH,
        "--learning-rate", RATE, "--weight-decay", DECAY, "--average", AVERAGE, "--smoothing", 0, *more,
    )
    counts = [report[name] for name in ("rows_train", "rows_validation", "rows_calibration")]
    assert counts == [len(parts[part]) for part in PARTS], counts
    return common.score(flow, folder / "model.flow", common.write(frames["test"], folder / "test.csv"))


def spread(seeds):
    """Mean over seeds and rows, and the standard error over seeds."""
    means = seeds.mean(1)
    return f"{means.mean():.3f} ± {means.std(ddof=1) / np.sqrt(len(means)):.3f}"


def difference(ours, theirs):
    """Mean difference, and its standard error: over the test rows, of the difference (mean over seeds) of each row,
    and over the seeds, which are independent on either side; added in squares."""
    rows = (ours.mean(0) - theirs.mean(0)).std(ddof=1) / np.sqrt(ours.shape[1])
    seeds = sum(side.mean(1).var(ddof=1) / len(side) for side in (ours, theirs))
    return ours.mean() - theirs.mean(), np.sqrt(rows**2 + seeds)


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--cache", type=pathlib.Path, help="keep zuko's results in this folder, and use those there")
    parser.add_argument("--only-zuko", action="store_true", help="fill the cache and print nothing")
    parser.add_argument("--more", default="", help="further options of flow train")
    options = common.parse(parser)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        cache = options.cache or folder
        cache.mkdir(parents=True, exist_ok=True)
        rows, missed = [], 0
        for family in options.families:
            for name in options.sets:
                parts = parts_of(options.data, name)
                seeds = range(options.seeds)
                zuko = [cached_zuko(cache, name, family, parts, seed, options.epochs) for seed in seeds]
                if options.only_zuko:
                    continue
                ours = np.array([
                    our_log_probs(options.flow, folder, family, parts, seed, options.epochs, options.more.split())
                    for seed in seeds
                ])
                plain, averaged = np.stack(zuko, axis=1).astype(float)
                against = [
                    difference(ours, plain), difference(np.maximum(ours, FLOOR), np.maximum(plain, FLOOR)),
                    difference(ours, averaged),
                ]
                short = any(gain < -error for gain, error in against[:2])
                missed += short
                gains = [f"{gain:+.3f} ± {error:.3f}" for gain, error in against]
                rows.append([
                    name, family, spread(ours), spread(plain), *gains[:2], "below" if short else "reached",
                    spread(averaged), gains[2], f"{ours.min():.0f}", f"{plain.min():.0f}",
                ])
    if options.only_zuko:
        return
    common.heading("Test log-likelihood, nats per standardised row", options)
    common.table(
        ["set", "family", "ours", "zuko", "difference", f"difference, rows floored at {FLOOR:.0f}", "bar",
         "zuko, averaged", "difference", "worst row, ours", "worst row, zuko"],
        rows,
    )
    print(NOTE)
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
