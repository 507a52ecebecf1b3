"""The table of docs/fleet.md is what ``bench/cost.py`` prints."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT


def test_the_documented_table_is_that_of_the_script() -> None:
    script = ROOT / "python/fleet/bench/cost.py"
    printed = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs/fleet.md").read_text()
    assert page.split("<!-- cost.py -->\n")[1].split("<!-- /cost.py -->")[0] == printed
