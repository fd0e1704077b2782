"""Environments with earlier versions of Airflow, made as its constraints pin them, for tests in a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

#: The last releases of each minor version, and the days after them: see scripts/install_with_constraints.sh.
VERSIONS = {"3.1.8": "2026-03-12", "3.2.2": "2026-05-30", "3.3.2": "2026-09-18"}
#: What the tests need beside Airflow.
_PROVIDERS = ["apache-airflow-providers-fab", "apache-airflow-providers-sqlite"]


def python_of(version):
    """Make an environment with a version of Airflow, unless there is one; return its Python."""
    folder = ROOT / f".venv-ui-{version}"
    made = folder / "made"
    changed = max(path.stat().st_mtime for path in (ROOT / "setup.cfg", Path(__file__)))
    if not made.exists() or made.stat().st_mtime < changed:
        variables = {"VENV": str(folder), "EXTRAS": "", "RELEASED": VERSIONS[version]}
        if (uv := Path(sys.executable).with_name("uv")).exists():
            variables["UV"] = str(uv)
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        command = [ROOT / "scripts" / "install_with_constraints.sh", version, python, *_PROVIDERS]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        made.touch()
    return str(folder / "bin" / "python")
