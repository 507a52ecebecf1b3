"""Pareto-smoothed importance sampling of ArviZ, for the test of `flow-train/crates/posterior/src/importance.rs`.

    venv/bin/pip install arviz==0.23.4 && venv/bin/python tests/posterior/psis.py

For each number of draws and each function of a uniform number: k-hat, effective draws, and the largest, the hundredth
largest and the median smoothed weight.
"""

import arviz
import numpy as np

SETS = {
    "-0.3 ln(1 - u)": lambda u: -0.3 * np.log1p(-u),
    "-0.8 ln(1 - u)": lambda u: -0.8 * np.log1p(-u),
    "-1.2 ln(1 - u)": lambda u: -1.2 * np.log1p(-u),
    "2 u": lambda u: 2 * u,
}

for count in [200, 5000]:
    u = ((np.arange(count) * 7919 + 13) % 10007 + 0.5) / 10007
    for name, of in SETS.items():
        log_weights, k = arviz.psislw(of(u))
        weights = np.sort(np.exp(log_weights))[::-1]
        shown = [k, 1 / np.sum(weights**2), weights[0], weights[99], weights[count // 2]]
        print(count, name, *(f"{value:.9g}" for value in shown))
