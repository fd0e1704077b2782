"""The race as a picture, for the docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

OURS, OTHERS = "#6c4cd3", "#b9b4c7"
LABELS = {
    "floor": "floor",
    "session": "requests.Session",
    "python_operator": "PythonOperator",
    "ours": "this package",
    "ours_8": "this package, concurrency=8",
}


def draw(race: list[dict[str, Any]], path: Path) -> None:
    """
    Draw one panel of bars for each latency.

    :param race: the medians.
    :param path: the file to write.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "heap", "font.family": "sans-serif"})
    latencies = sorted({one["latency_ms"] for one in race})
    figure, panels = plt.subplots(1, len(latencies), figsize=(10, 3.2), sharey=True)
    for panel, latency in zip(panels, latencies, strict=True):
        results = [one for one in reversed(race) if one["latency_ms"] == latency]
        names = [LABELS.get(one["name"], one["name"]) for one in results]
        speeds = [one["rows_per_second"] for one in results]
        colours = [OURS if one["name"].startswith("ours") else OTHERS for one in results]
        bars = panel.barh(names, speeds, color=colours)
        panel.bar_label(bars, [f"{speed:,.0f}" for speed in speeds], padding=4, fontsize=9)
        panel.set_title(f"rows a second, {latency} ms a reply", fontsize=10, loc="left")
        panel.set_xlim(0, max(speeds) * 1.25)
        panel.xaxis.set_visible(False)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
