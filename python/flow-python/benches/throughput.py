#!/usr/bin/env python3
"""Rows scored per second by ours, zuko and FlowJAX, in turn, on flows of one architecture; prints the ratios.

Needs the package, torch, zuko and flowjax. Run it on an otherwise idle machine: ``--load`` refuses a busy one.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time

import numpy as np

CHANNELS, LAYERS, WIDTH, BINS = 8, 5, 64, 8
CASES = ("maf", "nsf-ar")


def data(rows):
    """What is scored: the same for all."""
    return np.random.default_rng(0).normal(size=(rows, CHANNELS)).astype(np.float32)


def ours(case):
    """How well the model is trained doesn't change the time."""
    import flow_embedded

    trained = flow_embedded.train(
        data(2000), family=case, layers=LAYERS, hidden=[WIDTH, WIDTH], epochs=2, split="random"
    )
    return trained.model.log_prob


def zuko(case):
    import torch
    import zuko

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    sizes = {"transforms": LAYERS, "hidden_features": [WIDTH, WIDTH]}
    if case == "maf":
        flow = zuko.flows.MAF(CHANNELS, **sizes)
    else:
        flow = zuko.flows.NSF(CHANNELS, bins=BINS, **sizes)

    def log_prob(rows):
        with torch.no_grad():
            return flow().log_prob(torch.from_numpy(rows)).numpy()

    return log_prob


def flowjax(case):
    import equinox
    import jax
    import paramax
    from flowjax.bijections import RationalQuadraticSpline
    from flowjax.distributions import Normal
    from flowjax.flows import masked_autoregressive_flow

    spline = RationalQuadraticSpline(knots=BINS, interval=5)
    flow = masked_autoregressive_flow(
        jax.random.key(0),
        base_dist=Normal(jax.numpy.zeros(CHANNELS)),
        transformer=None if case == "maf" else spline,
        flow_layers=LAYERS,
        nn_width=WIDTH,
        nn_depth=2,
    )
    # Weights that are masked once and not in every call.
    flow = paramax.unwrap(flow)
    log_prob = equinox.filter_jit(lambda flow, rows: flow.log_prob(rows))
    return lambda rows: np.asarray(log_prob(flow, rows))


LIBRARIES = {"ours": ours, "zuko": zuko, "flowjax": flowjax}


def work(name, case, rows, batches, pipe):
    """Scores all rows each time it is asked to, in batches of the size that serves it best, and tells the seconds."""
    log_prob, table = LIBRARIES[name](case), data(rows)

    def seconds(batch):
        start = time.perf_counter()
        for first in range(0, rows, batch):
            log_prob(table[first : first + batch])
        return time.perf_counter() - start

    for batch in batches:
        seconds(batch)  # compiles, where something is compiled
    best = min(batches, key=lambda batch: min(seconds(batch) for _ in range(3)))
    pipe.send(best)
    while pipe.recv():
        pipe.send(seconds(best))


def measure(case, names, options):
    """Rows per second of each library in each round."""
    context = multiprocessing.get_context("spawn")
    workers, figures = {}, {name: [] for name in names}
    for name in names:
        pipe, end = context.Pipe()
        worker = context.Process(target=work, args=(name, case, options.rows, options.batches, end))
        worker.start()
        # One after the other, so that each finds its batch size on a quiet machine.
        workers[name] = worker, pipe, pipe.recv()
    for _ in range(options.rounds):
        for name in names:
            # The threads of one before may still wait busily for more to do.
            time.sleep(options.pause)
            pipe = workers[name][1]
            pipe.send(True)
            figures[name].append(options.rows / pipe.recv())
    for worker, pipe, _ in workers.values():
        pipe.send(False)
        worker.join()
    return figures, {name: batch for name, (_, _, batch) in workers.items()}


def tenth(figures):
    return sorted(figures)[len(figures) // 10]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=16_384, help="that are scored in each round")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--batches", type=int, nargs="+", default=[512, 2048, 16_384], help="sizes to choose from")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between turns")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--only", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--load", type=float, help="refuse to start above this load average of the last minute")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{len(os.sched_getaffinity(0))} cores, load {load:.2f} before")
    if options.load is not None and load > options.load:
        sys.exit(f"the machine is busy: its load is above {options.load}")
    for case in options.cases:
        print(f"\n{case}, {CHANNELS} channels, {LAYERS} layers of {WIDTH}x{WIDTH}, {options.rows} rows a round")
        figures, batches = measure(case, options.only, options)
        for name, own in figures.items():
            print(
                f"{name:8} median {statistics.median(own):12,.0f} rows/s   p10 {tenth(own):12,.0f}   "
                f"best {max(own):12,.0f}   in batches of {batches[name]}"
            )
        for peer in figures.keys() - {"ours"} if "ours" in figures else ():
            ratios = [mine / theirs for mine, theirs in zip(figures["ours"], figures[peer])]
            print(f"ours / {peer}: median {statistics.median(ratios):.2f}, p10 {tenth(ratios):.2f}")
    print(f"\nload {os.getloadavg()[0]:.2f} after")


if __name__ == "__main__":
    main()
