"""What importing the operators costs a DAG file, on top of importing Airflow's own ``BaseOperator``."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

#: What design.md asks for: the operators add at most this share of what BaseOperator costs.
TARGET = 0.03

_PROGRAM = """
import json, sys, time
from airflow.providers.common.compat.sdk import BaseOperator
base = time.process_time(), len(sys.modules)
import airflow_provider_heap.operators.heap
both = time.process_time(), len(sys.modules)
print(json.dumps({
    "base_cpu": base[0], "base_modules": base[1],
    "operators_cpu": both[0] - base[0], "operators_modules": both[1] - base[1],
}))
"""


def imports(rounds: int) -> dict[str, float]:
    """
    Measure in new processes, print and return the medians.

    :param rounds: how many processes; one more comes first, so that Python has compiled every file.
    :return: CPU seconds and number of modules of ``BaseOperator`` alone and of the operators on top, and the ratio.
    """
    runs = [_measure() for _ in range(rounds + 1)][1:]
    medians: dict[str, float] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    medians["ratio"] = statistics.median(run["operators_cpu"] / run["base_cpu"] for run in runs)
    print(f"\nImports, medians of {rounds} processes\n")
    for label, name in (("BaseOperator", "base"), ("the operators on top", "operators")):
        print(f"{label:<24}{medians[f'{name}_cpu']:>8.3f} CPU s{medians[f'{name}_modules']:>8,.0f} modules")
    verdict = "reached" if medians["ratio"] <= TARGET else "MISSED"
    print(f"{'ratio':<24}{medians['ratio']:>8.3f}   at most {TARGET}: {verdict}")
    return medians


def _measure() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
