#!/usr/bin/env python3
"""Times one training step of ours, of zuko and of FlowJAX in turn, and prints the ratios. See README.md."""
import argparse
import json
import statistics
import subprocess
import sys

CASE = dict(event=8, hidden=64, layers=5, batch=512, rows=20_000, bins=8)
# At least so many times faster than each peer.
BARS = {"maf": dict(flowjax=5, zuko=15), "nsf-ar": dict(flowjax=5, zuko=8)}
WARM = 20


def data():
    """Correlated, curved rows of unit variance."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((CASE["rows"], CASE["event"])) @ (
        0.4 * rng.standard_normal((CASE["event"], CASE["event"])) + np.eye(CASE["event"])
    )
    x += 0.3 * np.sin(2 * np.roll(x, 1, axis=1))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)


def clock(step, steps):
    import time

    times = []
    for _ in range(steps + WARM):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    times = sorted(times[WARM:])
    return dict(median_ms=statistics.median(times), p10_ms=times[len(times) // 10])


def zuko_step(family, threads, steps):
    import torch
    import zuko

    torch.set_num_threads(threads)
    sizes = dict(transforms=CASE["layers"], hidden_features=[CASE["hidden"]] * 2)
    if family == "maf":
        flow = zuko.flows.MAF(CASE["event"], **sizes)
    else:
        flow = zuko.flows.NSF(CASE["event"], bins=CASE["bins"], **sizes)
    optimiser, rows = torch.optim.Adam(flow.parameters(), lr=1e-3), torch.from_numpy(data())

    def step():
        loss = -flow().log_prob(rows[torch.randint(0, len(rows), (CASE["batch"],))]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()

    return clock(step, steps)


def flowjax_step(family, threads, steps):
    import equinox
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    import paramax
    from flowjax.bijections import Affine, RationalQuadraticSpline
    from flowjax.distributions import Normal
    from flowjax.flows import masked_autoregressive_flow

    flow = masked_autoregressive_flow(
        jax.random.key(0), base_dist=Normal(jnp.zeros(CASE["event"])), flow_layers=CASE["layers"],
        nn_width=CASE["hidden"], nn_depth=2,
        transformer=RationalQuadraticSpline(knots=CASE["bins"], interval=5) if family == "nsf-ar" else Affine(),
    )
    leaf = lambda node: isinstance(node, paramax.NonTrainable)
    parameters, static = equinox.partition(flow, equinox.is_inexact_array, is_leaf=leaf)
    optimiser, rows = optax.adam(1e-3), jnp.asarray(data())
    rng = np.random.default_rng(0)

    def loss(parameters, x):
        return -paramax.unwrap(equinox.combine(parameters, static)).log_prob(x).mean()

    @jax.jit
    def update(parameters, state, index):
        value, gradient = jax.value_and_grad(loss)(parameters, rows[index])
        change, state = optimiser.update(gradient, state, parameters)
        return optax.apply_updates(parameters, change), state, value

    state = [parameters, optimiser.init(parameters)]

    def step():
        *state[:], value = update(*state, rng.integers(0, len(rows), CASE["batch"]))
        value.block_until_ready()

    return clock(step, steps)


def run(name, family, threads, steps, ours):
    """One measurement in a process of its own."""
    if name == "ours":
        command = [ours, "bench", "--json", "--family", family, "--threads", str(threads), "--steps", str(10 * steps)]
        return json.loads(subprocess.check_output(command))[0]
    command = [sys.executable, __file__, "--one", name, "--family", family]
    command += ["--threads", str(threads), "--steps", str(steps)]
    return json.loads(subprocess.check_output(command))


def compare(family, options):
    seen = {}
    steps = options.steps if family == "maf" else max(30, options.steps // 4)
    for _ in range(options.rounds):
        for threads in (1, 2):
            for name in ("ours", "zuko", "flowjax"):
                result = run(name, family, threads, steps, options.ours)
                seen.setdefault((name, threads), []).append((result["median_ms"], result["p10_ms"]))
    # Over the rounds: the median of medians, and the least of the tenth percentiles; then the better thread count.
    table = {key: (statistics.median(m for m, _ in runs), min(p for _, p in runs)) for key, runs in seen.items()}
    for (name, threads), (median, p10) in sorted(table.items()):
        print(f"{family:6} {name:8} {threads} threads  median {median:7.3f} ms  p10 {p10:7.3f} ms")
    best = {name: [min(table[name, t][i] for t in (1, 2)) for i in (0, 1)] for name in ("ours", "zuko", "flowjax")}
    for name, bar in BARS[family].items():
        ratios = [theirs / ours for theirs, ours in zip(best[name], best["ours"])]
        print(f"{family:6} {name} / ours: median {ratios[0]:.2f}, p10 {ratios[1]:.2f} (wanted: at least {bar})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", default="target/release/flow", help="the built command flow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--family", choices=list(BARS), help="only this one")
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--one", choices=["zuko", "flowjax"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        import os

        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
        if options.threads == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        step = dict(zuko=zuko_step, flowjax=flowjax_step)[options.one]
        print(json.dumps(step(options.family, options.threads, options.steps)))
        return
    for family in [options.family] if options.family else BARS:
        compare(family, options)


if __name__ == "__main__":
    main()
