"""Share the known totals among places, settle the people, and count the old and the small."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from .facts import Facts
from .grid import Array, Grid

#: Share of a place's people who live in its built-up area, by urban-rural code; people per km2 of it.
_BUILT_SHARE = {"111": 0.98, "112": 0.85, "121": 0.8, "122": 0.6, "123": 0.8, "210": 0.45, "220": 0.0}
_BUILT_PER_KM2 = {"111": 10_500, "112": 7_000, "121": 6_500, "122": 5_000, "123": 6_500, "210": 4_000, "220": 1.0}
_TYPICAL_PEOPLE = {"111": 9_000, "112": 5_200, "121": 4_600, "122": 2_600, "123": 3_000, "210": 1_500, "220": 1_000}
_OLD_FACTOR = {"111": 0.72, "112": 0.85, "121": 0.95, "122": 1.1, "123": 0.9, "210": 1.3, "220": 1.42}
_URBAN_POINT, _RURAL_POINT, _BELT_POINT, _HAMLET_PEOPLE = 46, 25, 130, 58


class Groups(NamedTuple):
    """Shares of the population."""

    over_60: float
    under_15: float
    under_3: float


def share_out(total: int, weights: Array, limit: Array | None = None) -> Array:
    """Share a whole number by weights into whole numbers that add up to it, none above its limit.

    Examples
    --------
    >>> share_out(10, np.array([1.0, 1.0, 2.0])).tolist()
    [3, 2, 5]
    """
    weights = np.asarray(weights, float)
    top = np.full(len(weights), total, float) if limit is None else np.asarray(limit, float)
    given = np.zeros(len(weights))
    while (left := total - given.sum()) >= 1:
        open_ = np.where(given < top, np.maximum(weights, 1e-12), 0)
        if not open_.any():
            raise ValueError("limits are below the total")
        exact = np.minimum(given + left * open_ / open_.sum(), top)
        whole = np.floor(exact + 1e-9)
        if whole.sum() == given.sum():
            order = np.argsort(-np.where(given < top, exact - whole, -1), kind="stable")[: int(left)]
            whole[order] += given[order] < top[order]
        given = whole
    return given.astype(int)


def place_people(facts: Facts, rng: np.random.Generator, limit: Array | None = None) -> Array:
    """Give each place its people: urban places sum to the urban total, all to the census, neighbours to theirs.

    Parameters
    ----------
    limit : (n,) array, optional
        The most that a place has room for.
    """
    code = facts.places["urban_rural_code"]
    inside = facts.places["township_code"].isin(facts.inside_codes).to_numpy()
    urban = code.str.startswith("1").to_numpy()
    weight = code.map(_TYPICAL_PEOPLE).to_numpy(float) * np.exp(rng.normal(0, 0.32, len(code)))
    totals = facts.settings["people"]
    weight *= _towards_hints(facts, weight, int(totals["residents"]))
    people = np.zeros(len(code), int)
    for chosen, total in ((inside & urban, totals["urban"]), (inside & ~urban, totals["residents"] - totals["urban"]),
                          (~inside, totals["neighbours"])):
        if chosen.any():
            room = None if limit is None else limit[chosen]
            people[chosen] = share_out(int(total), weight[chosen], room)
    return people


def room_for(owner: Array, blocked: Array, cell_m: float, count: int, per_km2: float = 19_000) -> Array:
    """Give the most people that each place has room for on its dry land."""
    dry = owner[(owner >= 0) & ~blocked]
    return np.bincount(dry, minlength=count) * cell_m**2 / 1e6 * per_km2 + 60


def _towards_hints(facts: Facts, weight: Array, residents: int) -> Array:
    """Give each place the factor that brings its township near the number of people it is said to have."""
    hint = facts.townships.set_index("township_code")["people_hint"]
    township = facts.places["township_code"]
    inside = township.isin(facts.inside_codes).to_numpy()
    expected = pd.Series(weight * residents / weight[inside].sum()).groupby(township.to_numpy()).sum()
    return np.asarray(township.map(hint / expected).fillna(1.0).to_numpy(float))


def built_km2(facts: Facts, people: Array) -> Array:
    """Give the built-up area of each place."""
    code = facts.places["urban_rural_code"]
    return np.asarray(people * code.map(_BUILT_SHARE).to_numpy(float) / code.map(_BUILT_PER_KM2).to_numpy(float))


def settle_hamlets(grid: Grid, facts: Facts, people: Array, owner: Array, gentle: Array, road_far_m: Array,
                   seats: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Settle the people who live outside built-up areas: a village core at the seat and hamlets round about.

    Parameters
    ----------
    owner : (rows, cols) array
        Position of the place that holds each cell; at least 0 everywhere that people may live.
    gentle : (rows, cols) array
        How well a cell may be lived in, 0 on water.
    road_far_m : (rows, cols) array
        Distance to the roads of the villages.

    Returns
    -------
    DataFrame
        place (position), cell, people, linked, link_class.
    """
    rural = np.rint(people * (1 - facts.places["urban_rural_code"].map(_BUILT_SHARE).to_numpy(float))).astype(int)
    order = np.argsort(owner.ravel(), kind="stable")
    begin = np.searchsorted(owner.ravel()[order], np.arange(len(people) + 1))
    by_road = np.exp(-road_far_m / 220)
    rows = []
    for place in np.flatnonzero(rural > 0):
        cells = order[begin[place]: begin[place + 1]]
        count = max(1, round(int(rural[place]) / _HAMLET_PEOPLE))
        weight = gentle.flat[cells] * (0.04 + by_road.flat[cells])
        count = min(count, int((weight > 0).sum()))
        chosen = rng.choice(cells, size=count, replace=False, p=weight / weight.sum())
        chosen[0] = seats[place]
        size = rng.lognormal(0, 0.5, count) * np.where(np.arange(count) == 0, 2.2, 1.0)
        rows += [(int(place), int(cell), int(n)) for cell, n in
                 zip(chosen, share_out(int(rural[place]), size), strict=True)]
    hamlets = pd.DataFrame(rows, columns=["place", "cell", "people"])
    return _choose_links(hamlets, road_far_m, rng)


def _choose_links(hamlets: pd.DataFrame, road_far_m: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Say by what road each hamlet is reached; a few far ones by none."""
    far = road_far_m.flat[hamlets["cell"].to_numpy()]
    draw = rng.random(len(hamlets))
    small = hamlets["people"].to_numpy() < 70
    class_ = np.where(draw < np.where(small, 0.4, 0.75), "unclassified", np.where(draw < 0.88, "track", "path"))
    lonely = (far > 520) & small
    return hamlets.assign(link_class=class_, linked=~(lonely & (rng.random(len(hamlets)) < 0.5)))


def hamlet_points(grid: Grid, hamlets: pd.DataFrame, blocked: Array, per_point: int,
                  rng: np.random.Generator) -> pd.DataFrame:
    """Scatter the homes of each hamlet round its middle, on dry cells of the same place if they can be had."""
    count = np.maximum(1, np.rint(hamlets["people"].to_numpy() / per_point)).astype(int)
    of = np.repeat(np.arange(len(hamlets)), count)
    middle = grid.xy_m(hamlets["cell"].to_numpy())[of]
    xy = middle + rng.normal(0, 1, middle.shape) * np.where(count[of] > 1, 85, 30)[:, None]
    for _ in range(6):
        wet = blocked.flat[grid.cell_at(xy)]
        xy[wet] = middle[wet] + rng.normal(0, 40, (int(wet.sum()), 2))
    xy = np.where(blocked.flat[grid.cell_at(xy)][:, None], middle, xy)
    shares = [share_out(int(n), rng.lognormal(0, 0.35, k)) for n, k in zip(hamlets["people"], count, strict=True)]
    return pd.DataFrame({"place": hamlets["place"].to_numpy()[of], "x_m": xy[:, 0], "y_m": xy[:, 1],
                         "population": np.concatenate(shares) if shares else []})


def urban_points(grid: Grid, facts: Facts, people: Array, rural_people: Array, built: Array, dry: Array,
                 seats: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Scatter the rest of each place's people over its built-up cells, denser towards its seat.

    Parameters
    ----------
    built : (rows, cols) array
        Position of the place whose built-up area a cell is; -1 elsewhere.
    dry : (rows, cols) bool
        True where a cell is dry.
    """
    order = np.argsort(built.ravel(), kind="stable")
    begin = np.searchsorted(built.ravel()[order], np.arange(len(people) + 1))
    tables = []
    for place in np.flatnonzero(people > rural_people):
        cells = order[begin[place]: begin[place + 1]]
        cells = cells[dry.flat[cells]]
        cells = cells if len(cells) else seats[place: place + 1]
        count = max(1, round(int(people[place] - rural_people[place]) / _URBAN_POINT))
        far = np.hypot(*(grid.xy_m(cells) - grid.xy_m(seats[place: place + 1])).T)
        weight = 0.35 + np.exp(-far / 500)
        chosen = rng.choice(cells, size=count, p=weight / weight.sum())
        xy = grid.xy_m(chosen) + rng.uniform(-0.48, 0.48, (count, 2)) * grid.cell_m
        share = share_out(int(people[place] - rural_people[place]), rng.lognormal(0, 0.5, count))
        tables.append(pd.DataFrame({"place": place, "x_m": xy[:, 0], "y_m": xy[:, 1], "population": share}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def count_groups(points: pd.DataFrame, facts: Facts, rng: np.random.Generator) -> pd.DataFrame:
    """Add population_60plus, population_0_14 and population_0_2, whole numbers that sum to the known shares."""
    totals = facts.settings["people"]
    groups = Groups(totals["share_60plus"], totals["share_0_14"], totals["share_0_2"])
    code = facts.places["urban_rural_code"].to_numpy()
    inside = facts.places["township_code"].isin(facts.inside_codes).to_numpy()
    place = points["place"].to_numpy()
    old = np.array([_OLD_FACTOR[c] for c in code])
    factor = np.where(place >= 0, old[np.maximum(place, 0)], 1.3)
    part = np.where(place < 0, 2, np.where(inside[np.maximum(place, 0)], 0, 1))
    population = points["population"].to_numpy()
    columns = {name: np.zeros(len(points), int) for name in ("population_60plus", "population_0_14", "population_0_2")}
    for side in range(3):
        chosen = np.flatnonzero(part == side)
        if not len(chosen):
            continue
        here, total = population[chosen], int(population[chosen].sum())
        noise = rng.lognormal(0, 0.15, (3, len(chosen)))
        over_60 = share_out(round(total * groups.over_60), here * factor[chosen] * noise[0], here)
        young = share_out(round(total * groups.under_15), here / factor[chosen] ** 0.4 * noise[1], here - over_60)
        small = share_out(round(total * groups.under_3), young * noise[2], young)
        for name, values in zip(columns, (over_60, young, small), strict=True):
            columns[name][chosen] = values
    return points.assign(**columns)


def belt_people(grid: Grid, belt: Array, gentle: Array, road_far_m: Array, seats: Array, per_km2: float,
                rng: np.random.Generator) -> pd.DataFrame:
    """Settle the belt outside the outline: village cores at its seats and hamlets near roads; place -1."""
    total = int(belt.sum() * grid.cell_m**2 / 1e6 * per_km2)
    cells = np.flatnonzero(belt.ravel() & (gentle.ravel() > 0))
    weight = gentle.flat[cells] * (0.03 + np.exp(-road_far_m.flat[cells] / 220))
    chosen = rng.choice(cells, size=min(len(cells), max(1, total // 420)), replace=False, p=weight / weight.sum())
    chosen = np.unique(np.concatenate([seats, chosen]))
    size = share_out(total, rng.lognormal(0, 0.5, len(chosen)))
    hamlets = pd.DataFrame({"place": -1, "cell": chosen, "people": size})
    return hamlets.assign(link_class=np.where(rng.random(len(chosen)) < 0.7, "unclassified", "track"), linked=True)


def points_of(grid: Grid, facts: Facts, people: Array, settled: tuple[pd.DataFrame, pd.DataFrame], built: Array,
              blocked: Array, seats: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Give all demand points with place (position, -1 in the belt), x_m, y_m and population.

    Parameters
    ----------
    settled : (DataFrame, DataFrame)
        Hamlets of the district, and of the belt.
    """
    hamlets, belt = settled
    rural = np.bincount(hamlets["place"], weights=hamlets["people"], minlength=len(people)).astype(int)
    tables = [hamlet_points(grid, hamlets, blocked, _RURAL_POINT, rng),
              urban_points(grid, facts, people, rural, built, ~blocked, seats, rng),
              hamlet_points(grid, belt, blocked, _BELT_POINT, rng)]
    points = pd.concat(tables, ignore_index=True)
    points = points[points["population"] > 0]
    return points.sort_values("place", kind="stable", key=lambda place: place % (len(people) + 1), ignore_index=True)


def inside_own_place(points: pd.DataFrame, polygons: list[shapely.Geometry], surface: shapely.Geometry,
                     belt_m: float) -> pd.DataFrame:
    """Move the few points that smooth borders left outside their place a little way into it, onto dry ground.

    Parameters
    ----------
    polygons : list
        Of the places; points of the belt go to the ring of width `belt_m` round them all.
    surface : geometry
        All water.
    """
    whole = shapely.coverage_union_all(polygons)
    ring = shapely.difference(shapely.buffer(whole, belt_m), whole)
    shapes = np.array([*polygons, ring], dtype=object)
    place = points["place"].to_numpy()
    xy = points[["x_m", "y_m"]].to_numpy(copy=True)
    inner = shapely.buffer(shapes, -2)
    astray = np.flatnonzero(~shapely.contains(inner[place], shapely.points(xy)))
    wet = shapely.buffer(surface, 10)
    rooms = {n: _room(shapes[n], wet) for n in np.unique(place[astray]).tolist()}
    for row in astray:
        near = shapely.shortest_line(rooms[int(place[row])], shapely.Point(xy[row]))
        xy[row] = shapely.get_coordinates(near)[0]
    return points.assign(x_m=xy[:, 0], y_m=xy[:, 1])


def _room(shape: shapely.Geometry, wet: shapely.Geometry) -> shapely.Geometry:
    """Give the dry inside of a place, as far from its border as it has room for."""
    for inward_m in (25, 8, 3, 1):
        room = shapely.difference(shapely.buffer(shape, -inward_m), wet)
        if not shapely.is_empty(room):
            return room
    return shapely.point_on_surface(shape)
