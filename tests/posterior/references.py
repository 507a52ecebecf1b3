"""Posterior means and standard deviations of the targets in `tests/src/posterior/targets.rs`, by long runs of NUTS.

    python -m venv venv && venv/bin/pip install numpyro==0.22.0 arviz==0.23.4
    venv/bin/python tests/posterior/references.py ../shared/data > tests/posterior/references.json

Each row: mean, standard deviation, Monte Carlo standard errors of both, split R-hat and bulk effective sample size.
The folder holds `breastw.csv` (UCI, see its README).
"""

import csv
import json
import sys
from pathlib import Path

import arviz
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

CHAINS, WARMUP, DRAWS = 4, 5_000, 100_000


def eight_schools():
    """Rubin (1981), non-centred, with the priors of Gelman et al., as in posteriordb."""
    y = jnp.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    sigma = jnp.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(5.0))
    with numpyro.plate("schools", 8):
        theta = numpyro.sample("theta", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(mu + tau * theta, sigma), obs=y)


def banana():
    """Haario, Saksman & Tamminen (1999): a twisted normal."""
    x = numpyro.sample("x", dist.Normal(0.0, 10.0))
    numpyro.sample("y", dist.Normal(0.03 * (x * x - 100.0), 1.0))


def funnel():
    """After Neal (2003), whose deviation of v is 3: see `targets.rs`. Sampled by its non-centred form."""
    v = numpyro.sample("v", dist.Normal(0.0, 1.5))
    with numpyro.plate("channels", 4):
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.deterministic("x", z * jnp.exp(0.5 * v))


def mixture():
    """Two correlated normals."""
    parts = dist.MultivariateNormal(
        jnp.array([[-2.0, -1.0], [2.0, 1.0]]),
        jnp.array([[[0.5, 0.3], [0.3, 0.8]], [[1.0, -0.4], [-0.4, 0.5]]]),
    )
    weights = dist.Categorical(probs=jnp.array([0.4, 0.6]))
    numpyro.sample("x", dist.MixtureSameFamily(weights, parts))


def logistic(features, malignant):
    """Logistic regression with an intercept, and independent N(0, 2.5) priors on all coefficients."""
    with numpyro.plate("coefficients", features.shape[1]):
        beta = numpyro.sample("beta", dist.Normal(0.0, 2.5))
    numpyro.sample("y", dist.Bernoulli(logits=features @ beta), obs=malignant)


def breastw(folder):
    with open(folder / "breastw.csv") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row[f"x{i}"]) for i in range(9)] for row in rows])
    x = (x - x.mean(0)) / x.std(0)
    label = np.array([float(row["label"]) for row in rows])
    return jnp.array(np.column_stack([np.ones(len(x)), x])), jnp.array(label)


def summarise(model, names, *arguments):
    kernel = NUTS(model, target_accept_prob=0.9, dense_mass=True)
    mcmc = MCMC(
        kernel, num_warmup=WARMUP, num_samples=DRAWS, num_chains=CHAINS,
        chain_method="vectorized", progress_bar=False,
    )
    mcmc.run(jax.random.key(0), *arguments)
    draws = {name: mcmc.get_samples(group_by_chain=True)[name] for name in names}
    table = arviz.summary(arviz.from_dict(posterior=draws), round_to="none")
    keys = ["mean", "sd", "mcse_mean", "mcse_sd", "r_hat", "ess_bulk"]
    return {row: {key: float(f"{values[key]:.6g}") for key in keys} for row, values in table.iterrows()}


def main():
    numpyro.enable_x64()
    folder = Path(sys.argv[1])
    figures = {
        "eight schools": summarise(eight_schools, ["mu", "tau", "theta"]),
        "banana": summarise(banana, ["x", "y"]),
        "funnel": summarise(funnel, ["v", "x"]),
        "mixture": summarise(mixture, ["x"]),
        "breastw": summarise(logistic, ["beta"], *breastw(folder)),
    }
    json.dump(figures, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
