"""Draw registers with known datums, ask what they are, and count how often the answer is right, wrong or withheld.

Positions lie along the roads of the model district, and along those of Andorra, moved as a whole into the same place,
since China's datums are not defined outside. Each register gets noise; half of the roads are taken away before anything
is asked. Beside these stand registers that little can be said about: in a system nobody knows (no reading is right),
without relation to the roads, and with coordinates rounded to a kilometre.

Usage: python benchmarks/datums.py [--draws 1000] [--seed 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from lifecircle.datum import wgs84_to_bd09, wgs84_to_gcj02
from lifecircle.inputs.alignment import Ground, Verdict, judge
from lifecircle.inputs.boundaries import read_townships
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import open_extract
from lifecircle.inputs.readings import WGS84, Reading, readings_of, transformer
from lifecircle.inputs.roads import read_roads
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile, read_runfile

ROOT = Path(__file__).resolve().parents[1]
ANDORRA = ROOT.parent / "shared" / "data" / "andorra" / "andorra.osm.pbf"
CRS_M = "EPSG:4545"
BUFFER_M = 3_000.0
#: The four datums of the draws: degrees in three, and metres of the numbered 3-degree zone.
TRUTHS = (Reading("wgs84"), Reading("gcj02"), Reading("bd09"), Reading("wgs84", "EPSG:4524"))
KINDS = ("register", "unknown system", "off the roads", "rounded")
#: An answer that puts the positions further than this from where they belong is wrong.
WRONG_M = 150.0
BINS = (15, 30, 50, 75, 100, 150, 200, 301)


@dataclass(frozen=True)
class Place:
    """Roads and townships in one CRS, with the roads' length up to each segment."""

    name: str
    network: RoadNetwork
    townships: gpd.GeoDataFrame
    outline: shapely.Geometry

    @classmethod
    def of(cls, name: str, network: RoadNetwork, townships: gpd.GeoDataFrame) -> Place:
        """Join the townships to the outline."""
        outline = shapely.union_all(townships.geometry.to_numpy())
        shapely.prepare(outline)
        return cls(name, network.take(~network.ferry), townships, outline)

    def along_roads(self, rng: np.random.Generator, count: int, noise: str) -> Any:
        """Draw positions (count, 2) beside roads and inside the outline, in proportion to the roads' length.

        The noise of ``even`` is 30 to 150 m off in any direction; that of ``normal`` has one standard deviation of 30
        to 150 m for the whole register, in each axis, so that many positions lie further off.
        """
        spread_m = rng.uniform(30, 150)
        found = np.empty((0, 2))
        while len(found) < count:
            segment = rng.choice(len(self.network), 2 * count, p=self.network.length_m / self.network.length_m.sum())
            share = rng.random((2 * count, 1))
            from_m, to_m = (self.network.node_xy_m[end[segment]] for end in (self.network.u, self.network.v))
            angle, off_m = rng.uniform(0, 2 * np.pi, 2 * count), rng.uniform(30, 150, (2 * count, 1))
            off = (off_m * np.column_stack([np.cos(angle), np.sin(angle)]) if noise == "even"
                   else rng.normal(0, spread_m, (2 * count, 2)))
            drawn = from_m * (1 - share) + to_m * share + off
            found = np.concatenate([found, drawn[shapely.contains_xy(self.outline, *drawn.T)]])
        return found[:count]

    def anywhere(self, rng: np.random.Generator, count: int) -> Any:
        """Draw positions (count, 2) evenly over the outline."""
        west, south, east, north = self.outline.bounds
        drawn = np.column_stack([rng.uniform(west, east, 20 * count), rng.uniform(south, north, 20 * count)])
        return drawn[shapely.contains_xy(self.outline, *drawn.T)][:count]

    def halved(self, rng: np.random.Generator) -> RoadNetwork:
        """Take away half of the roads, each as a whole."""
        ways, way = np.unique(self.network.way_id, return_inverse=True)
        kept = np.zeros(len(ways), dtype=bool)
        kept[rng.choice(len(ways), len(ways) // 2, replace=False)] = True
        return self.network.take(kept[way])


def model() -> Place:
    """Give the model district."""
    runfile, findings = read_runfile(ROOT / "data" / "bazhou.toml"), Findings()
    townships = read_townships(runfile, findings)
    area = shapely.union_all(townships.geometry.to_numpy()).buffer(BUFFER_M)
    return Place.of("model", read_roads(runfile, CRS_M, area, findings), townships)


def andorra(centre_m: Any) -> Place | None:
    """Give Andorra, moved as a whole so that its centre lies at a position in China; None where it is not there."""
    if not ANDORRA.is_file():
        return None
    runfile = RunFile.model_validate({
        "district": {"name": "Andorra"}, "boundaries": {"osm": {"admin_level": 7, "file": str(ANDORRA)}},
        "roads": {"file": str(ANDORRA)}, "facilities": [{"layer": "clinics", "file": "none.csv"}],
        "path": ROOT / "andorra.toml", "allow": (ANDORRA.parent,)})
    townships = read_townships(runfile, Findings())
    network = open_extract(ANDORRA).roads(str(townships.crs.to_string()))
    move = centre_m - np.array(shapely.union_all(townships.geometry.to_numpy()).centroid.coords[0])
    moved = gpd.GeoSeries(shapely.transform(townships.geometry.to_numpy(), lambda xy: xy + move), crs=CRS_M)
    townships = gpd.GeoDataFrame(townships.drop(columns="geometry"), geometry=moved)
    return Place.of("andorra", replace(network, crs=CRS_M, node_xy_m=network.node_xy_m + move), townships)


def places() -> list[Place]:
    """Give the model district and, where it is there, Andorra."""
    district = model()
    other = andorra(np.array(district.outline.centroid.coords[0]))
    return [district] if other is None else [district, other]


@dataclass(frozen=True)
class Draw:
    """One register: how it is written, where it belongs in metres, what it says, what it is judged by."""

    truth: Reading
    right_m: Any
    xy: Any
    named: Any
    ground: Ground

    def answer(self) -> Verdict:
        """Ask for the datum."""
        lon, lat = transformer(CRS_M, WGS84).transform(*self.ground.area.centroid.coords[0])
        return judge(self.xy, readings_of(self.xy, CRS(WGS84), lon, lat), self.ground, self.named)

    def off_m(self, reading: Reading) -> float:
        """Give how far a reading puts the positions off, by the median."""
        return float(np.median(np.hypot(*(reading.place(self.xy, CRS_M) - self.right_m).T)))


def draw(place: Place, kind: str, count: int, rng: np.random.Generator) -> Draw:
    """Draw one register of a kind, its truth and noise at random; half name townships, a tenth of these wrong."""
    truth, swapped = TRUTHS[rng.integers(len(TRUTHS))], bool(rng.random() < 0.25)
    noise = str(rng.choice(["even", "normal"]))
    xy_m = place.anywhere(rng, count) if kind == "off the roads" else place.along_roads(rng, count, noise)
    named = _named(place, xy_m, rng) if rng.random() < 0.5 else np.full(len(xy_m), -1)
    written_m = xy_m
    if kind == "unknown system":
        angle = rng.uniform(0, 2 * np.pi)
        written_m = xy_m + rng.uniform(250, 1500) * np.array([np.cos(angle), np.sin(angle)])
    truth = replace(truth, swapped=swapped)
    xy = written(written_m, truth)
    if kind == "rounded":
        xy = np.round(xy, 2 if truth.crs == WGS84 else -3)
        xy_m = truth.place(xy, CRS_M)
    ground = Ground.of(place.halved(rng), place.townships, place.outline.buffer(BUFFER_M))
    return Draw(truth, xy_m, xy, named, ground)


def _named(place: Place, xy_m: Any, rng: np.random.Generator) -> Any:
    named = np.full(len(xy_m), -1)
    for row, outline in enumerate(place.townships.geometry):
        named[shapely.contains_xy(outline, *xy_m.T)] = row
    wrong = rng.random(len(xy_m)) < 0.1
    named[wrong] = rng.integers(0, len(place.townships), int(wrong.sum()))
    return named


def written(xy_m: Any, truth: Reading) -> Any:
    """Write positions as a register in that datum would, at full precision."""
    shift = {"wgs84": lambda lon, lat: (lon, lat), "gcj02": wgs84_to_gcj02, "bd09": wgs84_to_bd09}[truth.datum]
    lon, lat = shift(*transformer(CRS_M, WGS84).transform(*xy_m.T))
    xy = np.column_stack(transformer(WGS84, truth.crs).transform(lon, lat))
    return xy[:, ::-1] if truth.swapped else xy


@dataclass(frozen=True)
class Outcome:
    """What became of one draw; ``over_readings`` and ``over_moves`` are the margins of the best reading."""

    kind: str
    place: str
    datum: str
    count: int
    positions: int
    answered: bool
    wrong: bool
    best_wrong: bool
    over_readings: float
    over_moves: float
    median_m: float
    plain: bool
    plain_wrong: bool


def outcomes(where: list[Place], kind: str, draws: int, seed: int) -> Iterator[Outcome]:
    """Draw registers in turn from the places, with 15 to 300 positions, and ask."""
    for number in range(draws):
        rng = np.random.default_rng([seed, sorted(KINDS).index(kind), number])
        place, count = where[number % len(where)], int(rng.integers(15, 301))
        one = draw(place, kind, count, rng)
        verdict = one.answer()
        answered = not verdict.doubt
        best_wrong = bool(verdict.best and one.off_m(verdict.best) > WRONG_M)
        by_median = sorted(verdict.evidence, key=lambda item: item.median_m)
        plain = verdict.positions >= 15 and len(by_median) > 1 and (
            by_median[0].median_m <= 60 and by_median[1].median_m >= 2 * by_median[0].median_m)
        yield Outcome(kind, place.name, label(one.truth), count, verdict.positions, answered, answered and best_wrong,
                      best_wrong, min((item.behind for item in verdict.evidence[1:]), default=np.inf),
                      verdict.over_moves, verdict.evidence[0].median_m if verdict.evidence else np.nan,
                      plain, bool(plain and one.off_m(by_median[0].reading) > WRONG_M))


def label(reading: Reading) -> str:
    """Name a truth without its order of axes."""
    return "gk" if reading.crs != WGS84 else reading.datum


def shares(rows: pd.DataFrame, by: str) -> str:
    """Tabulate the share answered by count of positions and one more column."""
    columns = sorted(rows[by].unique())
    lines = [f"| n | draws | {' | '.join(columns)} | all |", "|" + " --- |" * (len(columns) + 3)]
    for low, high in pairwise(BINS):
        part = rows[rows["count"].between(low, high - 1)]
        cells = [*(part["answered"][part[by] == column].mean() for column in columns), part["answered"].mean()]
        lines.append(f"| {low}–{high - 1} | {len(part)} | {' | '.join(f'{cell:.0%}' for cell in cells)} |")
    return "\n".join(lines)


def report(rows: pd.DataFrame) -> str:
    """Write the tables."""
    register = rows[rows["kind"] == KINDS[0]]
    large = register[register["count"] >= 100]
    lines = ["| registers | draws | answered | wrong | greatest margin over moves of a wrong best reading |",
             "| --- | --- | --- | --- | --- |"]
    for kind, part in rows.groupby("kind", sort=False):
        worst = part["over_moves"][part["best_wrong"]].max()
        lines.append(f"| {kind} | {len(part)} | {part['answered'].mean():.1%} | {part['wrong'].sum()} | {worst:.2f} |")
    return "\n".join([*lines, "", "Share answered by n and datum:", "", shares(register, "datum"), "",
                      "Share answered by n and roads:", "", shares(register, "place"), "",
                      f"n >= 100: {large['answered'].mean():.1%} of {len(large)} answered.",
                      f"Plain rule (best median <= 60 m, second >= 2 x best): {register['plain'].mean():.1%} answered, "
                      f"{large['plain'].mean():.1%} at n >= 100, {int(rows['plain_wrong'].sum())} wrong."])


def main() -> None:
    """Draw, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1_000, help="registers; a fifth as many of each other kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every outcome here")
    options = parser.parse_args()
    where = places()
    rows = []
    for kind in KINDS:
        print(f"drawing: {kind} …", file=sys.stderr)
        rows += outcomes(where, kind, options.draws if kind == "register" else max(options.draws // 5, 1), options.seed)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    print(report(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
