"""Choose which figures of a priority group are hidden, of those that are counted at the demand points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.indicators.registry import INDICATORS
from lifecircle.outputs.suppression import Counts, Mask, Sum, hide

STATES = ("in_time", "out_of_time", "undetermined")
#: Results that tell the people of a whole group, or follow from it alone.
_WHOLE = frozenset({"people", "people_60plus", "capacity_needed"})
#: Headline results that tell who is in time against who is not.
_REACHED = frozenset({"people_in_time", "coverage_rate", "coverage_rate_interval", "minutes_fgt_0",
                      "rate_gap_60plus_all", "rate_gap_urban_rural"})
#: Headline results that tell those who are out from those who are undetermined.
_JUDGED = frozenset({"people_out", "people_undetermined"})


@dataclass(frozen=True)
class Cells:
    """The places, their sums per township and class, per township, per class, and for the district.

    Attributes
    ----------
    places : tuple of str
        place_code of the first cells.
    units : tuple of (code, class)
        The cells that follow, as results name them.
    sums : tuple of Sum
        Every sum of cells that is a cell.
    leaf_of_point : (points,) array of int
        The place of each demand point.
    """

    places: tuple[str, ...]
    units: tuple[tuple[str, str], ...]
    sums: tuple[Sum, ...]
    leaf_of_point: npt.NDArray[np.intp]

    @classmethod
    def of(cls, demand: gpd.GeoDataFrame, district: str) -> Cells:
        """Lay out the cells of the demand points."""
        own = demand[["township_code", "class", "place_code"]]
        at = own.groupby(list(own.columns), sort=True).ngroup().to_numpy()
        named = own.drop_duplicates().sort_values(list(own.columns)).to_numpy(dtype=object)
        towns, classes = np.unique(named[:, 0]), np.unique(named[:, 1])
        units = [(str(town), str(kind)) for town in towns for kind in classes]
        units += [(str(town), "all") for town in towns]
        units += [(district, str(kind)) for kind in classes] + [(district, "all")]
        first, wide, many = len(named), len(classes), len(towns)
        halves = first + np.arange(many * wide).reshape(many, wide)
        town_cells = first + many * wide + np.arange(many)
        class_cells = first + many * wide + many + np.arange(wide)
        whole = first + len(units) - 1
        sums = [Sum(int(halves[t, c]), np.flatnonzero((named[:, 0] == towns[t]) & (named[:, 1] == classes[c])))
                for t in range(many) for c in range(wide)]
        sums += [Sum(int(town_cells[t]), halves[t]) for t in range(many)]
        sums += [Sum(int(class_cells[c]), halves[:, c]) for c in range(wide)]
        sums += [Sum(whole, class_cells), Sum(whole, town_cells)]
        return cls(tuple(map(str, named[:, 2])), tuple(units), tuple(sums), at)

    def add_up(self, points: Counts) -> Counts:
        """Sum columns of the points, (points, columns), in every cell."""
        counts = np.zeros((len(self.places) + len(self.units), points.shape[1]))
        np.add.at(counts, self.leaf_of_point, points)
        for item in self.sums:
            counts[item.whole] = counts[item.parts].sum(axis=0)
        return counts

    @cached_property
    def upper(self) -> tuple[Sum, ...]:
        """The sums of what is no place, with cells numbered from the first that is none."""
        first = len(self.places)
        return tuple(Sum(item.whole - first, item.parts - first) for item in self.sums
                     if len(item.parts) and item.parts.min() >= first)

    def of_results(self, results: pd.DataFrame) -> npt.NDArray[np.intp]:
        """Give the cell of each row of results, or -1."""
        number = {unit: len(self.places) + at for at, unit in enumerate(self.units)}
        return np.array([number.get(key, -1) for key in zip(results["township_code"], results["class"], strict=True)],
                        dtype=np.intp)

    def of_places(self, hidden: Mask, place_code: pd.Series) -> Mask:
        """Tell of each place by its code whether it is hidden."""
        shut = {code for code, out in zip(self.places, hidden, strict=False) if out}
        return np.asarray(place_code.isin(shut), dtype=bool)


@dataclass(frozen=True)
class Hidden:
    """What is hidden of one group under one layer, per cell.

    Attributes
    ----------
    whole : array of bool
        The people of the group.
    reached : array of bool
        How many of them are in time.
    judged : array of bool
        How many of the others are out, and how many undetermined.
    """

    whole: Mask
    reached: Mask
    judged: Mask


def hidden_of(cells: Cells, people: Counts, state: pd.Series) -> Hidden:
    """Choose what is hidden of a group whose people at each point are in one of three states."""
    counts = cells.add_up(np.column_stack([people, *(people * (state == name).to_numpy() for name in STATES)]))
    total, (in_time, out, unsure) = counts[:, 0], counts[:, 1:].T
    late = out + unsure
    whole = hide(total[:, None], cells.sums)
    at_most = np.where(whole, np.nan, in_time + late)[:, None]
    reached = hide(np.column_stack([in_time, late]), cells.sums, ceilings=np.repeat(at_most, 2, axis=1), shut=whole)
    at_most = np.where(reached, np.nan, late)[:, None]
    judged = hide(np.column_stack([out, unsure]), cells.sums, ceilings=np.repeat(at_most, 2, axis=1), shut=reached)
    return Hidden(whole, reached, judged)


def group_of(assessment: Assessment, layer: str) -> str:
    """Give the column of the demand that counts the layer's group; blank where residents are counted."""
    name = f"population_{assessment.run['layers'][layer].get('group', 'all')}"
    return name if name in assessment.demand.columns else ""


def hidden_results(assessment: Assessment, cells: Cells) -> tuple[Mask, Mask]:
    """Tell which rows of the results are hidden, and of which only the upper bound is.

    Rows of one family of indicators, such as the capacity or other cutoffs, are hidden together per unit.

    Returns
    -------
    (rows,) array of bool, (rows,) array of bool
    """
    results, demand = assessment.results.reset_index(drop=True), assessment.demand
    rows, high = np.zeros(len(results), dtype=bool), np.zeros(len(results), dtype=bool)
    place, first = cells.of_results(results), len(cells.places)
    family = results["indicator"].map({name: item.family for name, item in INDICATORS.items()}).fillna("")
    for (layer, group), own in results.groupby(["layer", "group"], sort=False):
        column = f"population_{group}"
        if column not in demand.columns or f"state_{layer}" not in demand.columns:
            continue
        people = demand[column].to_numpy(dtype=float)
        found = hidden_of(cells, people, demand[f"state_{layer}"])
        at = own.index[place[own.index] >= 0]
        name, cell, decides = own.loc[at, "indicator"], place[at], own.loc[at, "headline"].to_numpy()
        whole, reached = name.isin(_WHOLE).to_numpy(), name.isin(_REACHED).to_numpy()
        reached = reached & (decides | (family[at] != "reach").to_numpy())
        judged = name.isin(_JUDGED).to_numpy() & decides
        rows[at] = np.select([whole, reached, judged], [found.whole[cell], found.reached[cell], found.judged[cell]])
        high[at] = reached & found.judged[cell]
        total = cells.add_up(people[:, None])[first:, 0]
        rest = at[~(whole | reached | judged) & own.loc[at, "unit"].isin(["person", "share"]).to_numpy()]
        for _, part in results.loc[rest].groupby(family[rest], sort=False):
            shut = _hidden_family(part, place[part.index] - first, total, found.reached[first:], cells.upper)
            rows[part.index] = shut[place[part.index] - first]
    return rows, high


def _hidden_family(part: pd.DataFrame, cell: npt.NDArray[np.intp], people: Counts, shut: Mask, sums: Sequence[Sum],
                   ) -> Mask:
    """Choose the units whose rows of one family are hidden: by each count, by what it leaves, and by differences."""
    shares = (part["unit"] == "share").to_numpy()
    value = part["value"].fillna(0.0).to_numpy(dtype=float)
    count = np.round(np.where(shares, np.abs(value) * people[cell], value), 6)
    series = part.groupby(["indicator", "level", "mode", "scenario"], sort=False).ngroup()
    table = pd.DataFrame({"cell": cell, "series": series.to_numpy(), "cutoff": part["cutoff"].to_numpy(dtype=float),
                          "count": count}).fillna({"cutoff": -1.0})
    wide = table.pivot_table(index="cell", columns=["series", "cutoff"], values="count", aggfunc="first", sort=True)
    counts = [wide.to_numpy(), people[wide.index][:, None] - wide.to_numpy()]
    same = np.flatnonzero(np.diff(wide.columns.get_level_values("series")) == 0)
    counts.append(np.abs(wide.to_numpy()[:, same + 1] - wide.to_numpy()[:, same]))
    full = np.zeros((len(people), sum(block.shape[1] for block in counts)))
    full[wide.index] = np.nan_to_num(np.round(np.hstack(counts), 6)).clip(min=0.0)
    return hide(full, sums, shut=shut, ceilings=np.repeat(people[:, None], full.shape[1], axis=1))
