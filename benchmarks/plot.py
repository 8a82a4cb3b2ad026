"""The plot: CPU relative to the baseline, a group of bars for each scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from .scenarios import BASELINE, OURS, TO_FILE

COLOURS = {
    OURS: "#d99a00",
    TO_FILE: "#f2cf6b",
    "floor": "#c9ccd1",
    "httpx": "#8d9299",
    "generated": "#6aa6b8",
    "google-genai+aiohttp": "#4a78b5",
    "openai": "#5c9e75",
    "gemimg": "#b57a9e",
}
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nanobanana",
    "font.family": "sans-serif",
    "font.size": 8,
}
END = 2.5  # the longest bar that is drawn; a longer one is cut, and its number says how long it is


def draw(path: Path, ratios: Mapping[str, Mapping[str, float | None]]) -> None:
    """Writes the plot of the ratios by scenario and client; the same ratios give the same file."""
    place, ticks, named = 0.0, {}, set()
    with matplotlib.rc_context(SETTINGS):
        rows = sum(len(by_client) + 1 for by_client in ratios.values())
        figure = Figure(figsize=(7.5, 0.8 + 0.115 * rows), facecolor="white")
        axes = figure.subplots()
        for scenario, by_client in ratios.items():
            bars = [(client, value) for client in COLOURS if (value := by_client.get(client))]
            if not bars:
                continue
            ticks[scenario] = place + (len(bars) - 1) / 2
            for client, value in bars:
                label = "_" if client in named else client
                named.add(client)
                axes.barh(place, min(value, END), height=0.9, color=COLOURS[client], label=label)
                axes.annotate(
                    f"{value:.2f}",
                    (min(value, END), place),
                    (2, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=5.5,
                    color="#444444",
                )
                place += 1
            place += 1
        axes.axvline(1, color="#333333", linewidth=0.8)
        axes.set_yticks(list(ticks.values()), list(ticks))
        axes.set_ylim(max(place, 1) - 0.5, -1)
        axes.set_xlim(0, END + 0.15)
        axes.set_xlabel(f"CPU, {BASELINE} = 1 (less is better)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        if named:
            figure.legend(frameon=False, fontsize=7, loc="outside lower center", ncols=4)
        figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
