"""The stubs say what there is, the examples run, and scikit-learn is not needed for the rest."""

import doctest
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import flow_embedded as fe


def run(*arguments, cwd):
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def settings():
    return str(ROOT / "python/flow-python/pyproject.toml")


def test_stubs_agree_with_what_is_there(settings, tmp_path):
    run("-m", "mypy.stubtest", "flow_embedded", "--mypy-config-file", settings, cwd=tmp_path)


def test_types_hold(settings, tmp_path):
    run("-m", "mypy", "--config-file", settings, "-p", "flow_embedded", cwd=tmp_path)
    (tmp_path / "use.py").write_text(
        "import numpy as np\n"
        "import flow_embedded as fe\n"
        "from numpy.typing import NDArray\n"
        "model: fe.Model = fe.train([[0.0]], family='maf').model\n"
        "scores: NDArray[np.float32] = model.log_prob(np.zeros((1, 1)))\n"
        "verdict: fe.Verdict | None = fe.Detector(model).observe([0.0])\n"
        "verdict = fe.Detector(model).observe({'a': 0.0})\n"
        "scores = model.log_prob({'a': [0.0, 1.0]}, [{'b': 0.0}, {'b': 1.0}])\n"
        "model.save('model.flow', as_is=True)\n"
        "raw: fe.Model = fe.from_pipeline(object())\n"
    )
    run("-m", "mypy", "--config-file", settings, "use.py", cwd=tmp_path)


def test_the_package_says_that_it_has_types():
    assert (pathlib.Path(fe.__file__).parent / "py.typed").is_file()


def test_the_examples_of_the_documentation_run():
    from flow_embedded import estimator, pipeline

    for module in (estimator, pipeline):
        tried = doctest.testmod(module)
        assert tried.attempted > 0 and tried.failed == 0


def test_the_examples_of_the_readme_run(tmp_path, artefact, motions):
    from conftest import write

    write(tmp_path / "normal.csv", *motions)
    (tmp_path / "model.flow").write_bytes(artefact("tests/case").read_bytes())
    text = (ROOT / "python/flow-python/README.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(programs) >= 3
    for program in programs:
        run("-c", program, cwd=tmp_path)


def test_without_scikit_learn_all_but_the_estimator_is_there(tmp_path):
    program = """if True:
        import sys
        sys.modules["sklearn"] = None
        import flow_embedded
        from flow_embedded import Detector, Model, load, train
        for name in ("FlowDetector", "from_pipeline"):
            try:
                getattr(flow_embedded, name)
            except ImportError as fault:
                assert "pip install" in str(fault)
            else:
                raise AssertionError(f"there is {name}")
        try:
            flow_embedded.nothing
        except AttributeError:
            pass
        else:
            raise AssertionError("there is nothing")
    """
    run("-c", program, cwd=tmp_path)
