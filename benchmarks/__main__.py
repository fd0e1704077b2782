"""
Run ``python -m benchmarks [race] [parts] [sizes] [unchanged] [diff] [imports] [large]``.

All of them but ``large`` when none is named.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

from benchmarks.diff import ROWS, diff
from benchmarks.imports import imports
from benchmarks.large import large
from benchmarks.parts import parts
from benchmarks.picture import draw
from benchmarks.race import race
from benchmarks.sizes import sizes
from benchmarks.unchanged import unchanged

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
ALL = ["race", "parts", "sizes", "unchanged", "diff", "imports"]
PICTURE = HERE.parent / "docs" / "race.svg"


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*ALL, "large", []])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    wanted = given.what or ALL
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = {"python": platform.python_version(), "system": platform.platform()}
    if "race" in wanted:
        results["race"] = race(given.rounds)
        draw(results["race"], PICTURE)
    if "parts" in wanted:
        results["parts"] = parts(given.rounds)
    if "sizes" in wanted:
        results["sizes"] = sizes()
    if "unchanged" in wanted:
        results["unchanged"] = unchanged(given.rounds)
    if "diff" in wanted:
        results["diff" if ROWS == 1_000_000 else f"diff_{ROWS}"] = diff(given.rounds)
    if "large" in wanted:
        results["large"] = large()
    if "imports" in wanted:
        results["imports"] = imports(given.rounds)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nKept in {RESULTS}" + (f" and {PICTURE}" if "race" in wanted else ""))


if __name__ == "__main__":
    main()
