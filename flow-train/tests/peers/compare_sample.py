#!/usr/bin/env python3
"""Times sampling of the same flow by ours and by zuko in turn, and prints the ratios. See README.md."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

CASE = dict(event=16, bins=8, layers=3, hidden=64, rows=10_000)
WARM = 2


def zuko_times(threads, runs):
    """Seconds of each call that draws all rows: the model is built and warm, nothing is written."""
    import torch
    import zuko

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    flow = zuko.flows.NSF(
        CASE["event"], bins=CASE["bins"], transforms=CASE["layers"], hidden_features=[CASE["hidden"]] * 2
    )
    times = []
    with torch.no_grad():
        for _ in range(runs + WARM):
            start = time.perf_counter()
            rows = flow().sample((CASE["rows"],))
            times.append(time.perf_counter() - start)
    assert rows.shape == (CASE["rows"], CASE["event"])
    return times[WARM:]


def our_times(ours, folder, threads, runs):
    """Seconds of each process from start to end: reading the model, drawing, writing the table."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    output = os.path.join(folder, "drawn.csv")
    command = [ours, "sample", os.path.join(folder, "model.flow"), "-n", str(CASE["rows"]), "-o", output, "-q"]
    times = []
    for _ in range(runs + WARM):
        start = time.perf_counter()
        subprocess.run(command, check=True, env=environment, preexec_fn=lambda: pin(threads))
        times.append(time.perf_counter() - start)
    with open(output) as table:
        assert sum(1 for _ in table) == CASE["rows"] + 1
    return times[WARM:]


def model(ours, folder):
    """An artefact of the same sizes; how well it is trained doesn't change the time."""
    import random

    random.seed(0)
    data = os.path.join(folder, "data.csv")
    with open(data, "w") as table:
        print(*(f"x{channel}" for channel in range(CASE["event"])), sep=",", file=table)
        for _ in range(2000):
            row = [random.gauss(0, 1)]
            while len(row) < CASE["event"]:
                row.append(0.7 * row[-1] + random.gauss(0, 1))
            print(*(f"{value:.6f}" for value in row), sep=",", file=table)
    subprocess.run(
        [
            ours, "train", data, "--family", "nsf-ar", "--layers", str(CASE["layers"]), "--hidden",
            f"{CASE['hidden']},{CASE['hidden']}", "--epochs", "1", "-q", "-o", os.path.join(folder, "model.flow"),
        ],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def pin(threads):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", default="target/release/flow", help="the built command flow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5, help="of zuko in each round; ours are four times as many")
    parser.add_argument("--zuko", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.zuko:
        pin(options.zuko)
        print(json.dumps(zuko_times(options.zuko, options.runs)))
        return
    seen = {}
    with tempfile.TemporaryDirectory() as folder:
        model(options.ours, folder)
        for _ in range(options.rounds):
            for threads in (1, 2):
                own = our_times(options.ours, folder, threads, 4 * options.runs)
                command = [sys.executable, __file__, "--zuko", str(threads), "--runs", str(options.runs)]
                peer = json.loads(subprocess.check_output(command))
                seen.setdefault(("ours", threads), []).extend(own)
                seen.setdefault(("zuko", threads), []).extend(peer)
    table = {key: (statistics.median(times), min(times)) for key, times in seen.items()}
    for (name, threads), (median, best) in sorted(table.items()):
        print(f"{name} {threads} threads  median {1e3 * median:8.1f} ms  best {1e3 * best:8.1f} ms")
    for threads in (1, 2):
        ratios = [theirs / own for theirs, own in zip(table["zuko", threads], table["ours", threads])]
        print(f"zuko / ours, {threads} threads: median {ratios[0]:.1f}, best {ratios[1]:.1f}")
    best = [min(table[name, threads][0] for threads in (1, 2)) for name in ("zuko", "ours")]
    print(f"zuko / ours, each at its better number of threads: {best[0] / best[1]:.1f} (wanted: at least 10)")


if __name__ == "__main__":
    main()
