"""The arguments, the files, and what an export leaves alone."""

from __future__ import annotations

import json
import os
import stat
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import flow_bridge.version
import nflows.distributions
import nflows.flows
import nflows.transforms
import numpy as np
import pytest
import torch
import zuko
from conftest import Import
from flow_bridge import ExportError, Manifest, activation, export
from safetensors.numpy import load_file
from sklearn.preprocessing import StandardScaler


@pytest.fixture
def flow() -> Any:
    torch.manual_seed(0)
    return zuko.flows.MAF(2, 1, transforms=1, hidden_features=(8,))


RANDOM = np.random.default_rng(0)
ROWS = RANDOM.standard_normal((50, 2)) * [1.0, 100.0] + [0.0, 1000.0]
CONTEXT = RANDOM.standard_normal((50, 1)) * 3.0 + 1.0
GOLDEN = (ROWS, CONTEXT)


def read(path: Path) -> Manifest:
    manifest: Manifest = json.loads(path.with_suffix(".json").read_text())
    return manifest


def test_a_scaler_is_a_mean_and_a_std(flow: Any, tmp_path: Path, flow_import: Import) -> None:
    events, contexts = StandardScaler().fit(ROWS), StandardScaler(with_mean=False).fit(CONTEXT)
    export(flow, tmp_path / "a", standardise=events, standardise_context=contexts, golden=GOLDEN)
    pair = (ROWS.mean(0), ROWS.std(0))
    export(flow, tmp_path / "b", standardise=pair, standardise_context=(0.0, CONTEXT.std(0)), golden=GOLDEN)
    a, b = read(tmp_path / "a"), read(tmp_path / "b")
    np.testing.assert_allclose(a["log_prob"], b["log_prob"], rtol=1e-12)
    scale = a["standardise"]
    assert scale is not None
    np.testing.assert_allclose(scale["std"], ROWS.std(0))
    assert scale["context_mean"] == [0.0]
    flow_import(tmp_path / "a.safetensors")


def test_standardisation_is_in_the_units_of_the_raw_data(flow: Any, tmp_path: Path) -> None:
    mean, std = np.array([0.0, 1000.0]), np.array([1.0, 100.0])
    export(flow, tmp_path / "raw", standardise=(mean, std), golden=GOLDEN)
    inside = np.array(read(tmp_path / "raw")["x"])
    export(flow, tmp_path / "inside", golden=((inside - mean) / std, CONTEXT))
    raw, own = read(tmp_path / "raw"), read(tmp_path / "inside")
    assert own["standardise"] is None
    np.testing.assert_allclose(np.array(raw["log_prob"]) + np.log(100.0), own["log_prob"], rtol=1e-6)


def test_one_file_holds_what_two_do(flow: Any, tmp_path: Path, flow_import: Import) -> None:
    assert export(flow, tmp_path / "two", golden=GOLDEN, name="n") == [
        tmp_path / "two.safetensors",
        tmp_path / "two.json",
    ]
    assert export(flow, tmp_path / "one.json", golden=GOLDEN, name="n") == [tmp_path / "one.json"]
    one, two = read(tmp_path / "one"), read(tmp_path / "two")
    state = one.pop("state")
    assert one == two
    tensors = load_file(tmp_path / "two.safetensors")
    assert state.keys() == tensors.keys()
    for key, stored in state.items():
        tensor = np.array(stored["data"], dtype=stored["dtype"]).reshape(stored["shape"])
        np.testing.assert_array_equal(tensor, tensors[key])
    assert export(flow, tmp_path / "archive.npz", golden=GOLDEN, name="n") == [tmp_path / "archive.npz"]
    with np.load(tmp_path / "archive.npz") as archive:
        assert json.loads(archive["manifest"].tobytes()) == two
        assert set(archive.files) == {"manifest", *(f"state/{key}" for key in tensors)}
        for key, tensor in tensors.items():
            np.testing.assert_array_equal(archive[f"state/{key}"], tensor)
    flow_import(tmp_path / "one.json")


def test_an_archive_is_imported(flow: Any, tmp_path: Path, flow_import: Import) -> None:
    export(flow, tmp_path / "x.npz", golden=GOLDEN)
    flow_import(tmp_path / "x.npz")


def test_names(flow: Any, tmp_path: Path) -> None:
    export(flow, tmp_path / "pump.safetensors", columns=["x", "y"], context_columns=("rpm",))
    manifest = read(tmp_path / "pump")
    assert (manifest["name"], manifest["columns"], manifest["context_columns"]) == ("pump", ["x", "y"], ["rpm"])


@pytest.mark.parametrize(
    ("settings", "where", "reason"),
    [
        ({"columns": ["x"]}, "columns", "1 names, and the flow has 2"),
        ({"columns": ["x", "x"]}, "columns", "same name"),
        ({"golden": 31}, "golden", "31 rows are asked for"),
        ({"golden": (ROWS[:31], CONTEXT[:31])}, "golden", "31 rows, and 32 are needed"),
        ({"golden": ROWS}, "golden", "give (x, context)"),
        ({"golden": (ROWS, CONTEXT[:40])}, "golden", "50 rows of x and 40"),
        ({"golden": (ROWS[:, :1], CONTEXT)}, "golden", "expected rows of 2"),
        ({"golden": (np.where(ROWS > 0.0, ROWS, np.nan), CONTEXT)}, "golden", "not finite"),
        ({"standardise": (0.0, 0.0)}, "standardise", "not positive"),
        ({"standardise": ([1.0, 2.0, 3.0], 1.0)}, "standardise", "has 3 numbers, and the flow 2"),
        ({"standardise": (np.inf, 1.0)}, "standardise", "not finite"),
        ({"standardise": 3.0}, "standardise", "neither a pair"),
        ({"standardise_context": StandardScaler()}, "standardise_context", "not fitted"),
        ({"path": "x.pt"}, "path", "ends in .pt, which is none"),
    ],
)
def test_arguments_that_do_not_fit(
    settings: dict[str, Any], where: str, reason: str, flow: Any, tmp_path: Path
) -> None:
    path = tmp_path / settings.pop("path", "x")
    with pytest.raises(ExportError) as caught:
        export(flow, path, **settings)
    assert caught.value.where == where
    assert reason in caught.value.reason
    assert not list(tmp_path.iterdir())


def test_a_weight_that_is_not_finite(flow: Any, tmp_path: Path) -> None:
    with torch.no_grad():
        flow.transform.transforms[0].hyper[0].weight[0, 0] = torch.nan
    with pytest.raises(ExportError, match=r"hyper\.0\.weight.*not finite"):
        export(flow, tmp_path / "x")


def test_a_row_that_the_flow_cannot_score(flow: Any, tmp_path: Path) -> None:
    with torch.no_grad():
        flow.base.scale[0] = -1.0
    with pytest.raises(ExportError, match="log_prob of row 0 is not finite"):
        export(flow, tmp_path / "x", golden=GOLDEN)


def test_many_rows_are_thinned_out(tmp_path: Path) -> None:
    flow = zuko.flows.MAF(1, transforms=1)
    export(flow, tmp_path / "x", golden=torch.linspace(-3.0, 3.0, 5000, requires_grad=True))
    x = read(tmp_path / "x")["x"]
    assert len(x) == 256
    assert (x[0], x[-1]) == ([-3.0], [3.0])


def test_the_flow_and_torch_are_left_as_they_were(flow: Any, tmp_path: Path) -> None:
    flow.train()
    before = {key: value.clone() for key, value in flow.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    export(flow, tmp_path / "x")
    torch.testing.assert_close(torch.rand(3), expected)
    assert flow.training
    assert torch.get_default_dtype() == torch.float32
    for key, value in flow.state_dict().items():
        assert value.dtype == before[key].dtype
        torch.testing.assert_close(value, before[key])


def test_a_cached_matrix_is_made_anew(tmp_path: Path) -> None:
    linear = nflows.transforms.LULinear(2, using_cache=True, identity_init=False)
    cached = nflows.flows.Flow(linear, nflows.distributions.StandardNormal([2])).eval()
    rows = torch.randn(40, 2)
    # With its graph, as training leaves it.
    found = cached.log_prob(rows)
    export(cached, tmp_path / "x", golden=rows)
    np.testing.assert_allclose(read(tmp_path / "x")["log_prob"], found.detach().numpy(), rtol=1e-5)


def test_wrapped_modules_are_unwrapped(flow: Any, tmp_path: Path) -> None:
    export(flow, tmp_path / "bare", name="n")
    for index, wrapped in enumerate((torch.nn.DataParallel(flow), torch.compile(flow))):
        export(wrapped, tmp_path / f"wrapped{index}", name="n")
        for suffix in (".json", ".safetensors"):
            bare = (tmp_path / f"bare{suffix}").read_bytes()
            assert (tmp_path / f"wrapped{index}{suffix}").read_bytes() == bare


def test_half_precision_weights(tmp_path: Path, flow_import: Import) -> None:
    flow = zuko.flows.NSF(2, transforms=1, hidden_features=(8,)).to(torch.bfloat16)
    # Sampling in 16 bits is the library's affair: the rows are given.
    export(flow, tmp_path / "x", golden=np.random.default_rng(0).standard_normal((64, 2)))
    flow_import(tmp_path / "x.safetensors")


def test_an_import_that_does_not_reproduce_the_rows_fails(flow: Any, tmp_path: Path, flow_import: Import) -> None:
    export(flow, tmp_path / "x", golden=GOLDEN, standardise=(ROWS.mean(0), ROWS.std(0)))
    manifest = read(tmp_path / "x")
    manifest["log_prob"][7] += 1e-3
    (tmp_path / "x.json").write_text(json.dumps(manifest))
    with pytest.raises(AssertionError, match="golden row 7"):
        flow_import(tmp_path / "x.safetensors")


def test_both_files_or_none(flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(flow, tmp_path / "x", golden=GOLDEN, name="first")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if str(target).endswith(".json"):
            raise OSError("no space left")
        replace(source, target)

    with torch.no_grad():
        flow.transform.transforms[0].hyper[0].bias += 1.0
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        export(flow, tmp_path / "x", golden=GOLDEN, name="second")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(OSError, match="no space"):
        export(flow, tmp_path / "new", golden=GOLDEN)
    assert set(tmp_path.iterdir()) == before.keys()
    monkeypatch.undo()
    export(flow, tmp_path / "x", golden=GOLDEN, name="third")
    assert read(tmp_path / "x")["name"] == "third"
    assert set(tmp_path.iterdir()) == before.keys()
    mode = stat.S_IMODE((tmp_path / "x.json").stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    assert mode == 0o666 & ~umask


def test_another_version_is_warned_of(flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(flow, tmp_path / "known")
    monkeypatch.setattr(flow_bridge.version, "version", lambda _: "2.0.0")
    with pytest.warns(UserWarning, match=r"zuko 2\.0\.0: the conventions were checked on 1\.6\.0") as caught:
        export(flow, tmp_path / "other")
    assert caught[0].filename == __file__, "it points at the caller"
    assert read(tmp_path / "other")["version"] == "2.0.0"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.nn.ReLU(inplace=True), "relu"),
        (torch.nn.LeakyReLU(0.0), "relu"),
        (torch.nn.functional.leaky_relu, "leaky_relu"),
        (torch.tanh, "tanh"),
        (torch.nn.functional.silu, "silu"),
        (lambda x: x * torch.sigmoid(x), "silu"),
        (torch.nn.ELU(), "elu"),
        (torch.nn.SELU(), "selu"),
        (torch.nn.functional.gelu, "gelu"),
        (partial(torch.nn.functional.gelu, approximate="tanh"), "gelu_tanh"),
        (torch.nn.functional.softplus, "softplus"),
        (torch.sigmoid, "sigmoid"),
        (torch.nn.functional.mish, "mish"),
        (torch.nn.ELU(0.5), None),
        (torch.sin, None),
        (torch.nn.Identity(), None),
    ],
)
def test_activations_are_known_by_what_they_do(function: Any, name: str | None) -> None:
    from flow_bridge.torch_flow import over_probe

    assert activation.name(over_probe(function)) == name


def test_every_activation_has_a_case() -> None:
    cases = test_activations_are_known_by_what_they_do.pytestmark[0].args[1]
    assert {name for _, name in cases} - {None} == set(activation.NAMES)
