"""Divide the district among townships, and each township among its places, along rivers and ridges."""

from __future__ import annotations

import numpy as np
import shapely
from pyproj import Transformer
from rasterio.features import shapes
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from .facts import Facts
from .grid import STEPS, Array, Grid, ends, fractal, smooth_step, spread
from .terrain import Terrain

_ROUNDS = 18


def area_weights(grid: Grid, terrain: Terrain, blocked: Array, inside: Array, rng: np.random.Generator) -> list[Array]:
    """Give the effort to go from cell to cell: ridges and water keep areas apart, and nobody goes round outside."""
    ridge = np.clip(terrain.height_m - gaussian_filter(terrain.height_m, 5), 0, 40) / 40
    noise = np.exp(0.45 * fractal(grid.shape, grid.cell_m, rng, longest_m=2500, power=1.3))
    effort = np.where(blocked, 9.0, (0.35 + 1.5 * terrain.slope + 5.0 * ridge**2) * noise)
    effort = np.where(inside, effort, 8 * effort)
    return [np.add(*ends(effort, step)) / 2 * float(np.hypot(*step)) * grid.cell_m / 100 for step in STEPS]


def divide(grid: Grid, weights: list[Array], inside: Array, seats: Array, target_km2: Array) -> Array:
    """Give each cell to the seat that reaches it with the least effort, with head starts until areas fit.

    Returns
    -------
    (rows, cols) array
        Position of the seat; -1 where none arrives. Cells outside `inside` are given too, so that edges can be cut.
    """
    head_start, best, least = np.zeros(len(seats)), np.zeros(grid.shape, int), np.inf
    pace, before = np.full(len(seats), 2.0), np.zeros(len(seats))
    for _ in range(_ROUNDS):
        low = head_start.min()
        cost, _, owner = spread(weights, grid.shape, seats, head_start - low)
        label = owner.reshape(grid.shape)
        area = np.bincount(label[inside & (label >= 0)], minlength=len(seats)) * grid.cell_m**2 / 1e6
        miss = np.log((area + 0.05) / (target_km2 + 0.05))
        lost = owner[seats] != np.arange(len(seats))
        if np.abs(miss).sum() + 100 * lost.sum() < least:
            least, best = float(np.abs(miss).sum() + 100 * lost.sum()), label
        pace = np.where(miss * before < 0, 0.6 * pace, np.minimum(1.1 * pace, 2.0))
        before = miss
        head_start += np.clip(miss, -1, 1) * np.sqrt(target_km2) * pace
        head_start = np.where(lost, np.minimum(head_start, cost[seats] + low - 1.0), head_start)
    return best


def with_room(grid: Grid, label: Array, towns: Array, seats: Array, least_cells: int = 25) -> Array:
    """Give every place at least some cells round its seat, taken from its neighbours in the township."""
    label, flat, size = label.copy(), towns.ravel(), np.bincount(label[label >= 0], minlength=len(seats))
    held = np.zeros(label.size, bool)
    held[seats] = True
    for place in np.flatnonzero(size < least_cells):
        row, col = divmod(int(seats[place]), grid.cols)
        rows, cols = np.mgrid[max(0, row - 6): row + 7, max(0, col - 6): col + 7]
        near = (rows * grid.cols + cols).ravel()
        near = near[np.argsort(np.hypot(rows - row, cols - col).ravel(), kind="stable")]
        free = near[(flat[near] == flat[seats[place]]) & ~held[near]][: least_cells - 1]
        label.flat[free] = label.flat[seats[place]] = place
        held[free] = True
    return label


def township_targets_km2(facts: Facts, rng: np.random.Generator) -> Array:
    """Share the district's area by villages and communities, known areas kept; neighbours take the rest."""
    counts = facts.places.groupby("township_code")["kind"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(facts.townships["township_code"], fill_value=0)
    street = (facts.townships["kind"] == "street").to_numpy()
    weight = counts["village"].to_numpy() * np.where(street, 0.45, 1.0) + counts["community"].to_numpy() * np.where(
        street, 0.16, 0.6)
    weight = weight * np.exp(rng.normal(0, 0.12, len(weight)))
    inside = (facts.townships["in_district"] == "yes").to_numpy()
    known = facts.townships["area_km2"].to_numpy(dtype=float)
    target = np.where(np.isfinite(known), known, 0.0)
    whole = {True: float(facts.settings["area"]["district_km2"]),
             False: facts.outline.area / 1e6 - float(facts.settings["area"]["district_km2"])}
    for side in (True, False):
        open_ = (inside == side) & ~np.isfinite(known)
        left = whole[side] - target[(inside == side)].sum()
        target[open_] = weight[open_] / weight[open_].sum() * left if open_.any() else 0
    return target


def seat_places(grid: Grid, facts: Facts, terrain: Terrain, blocked: Array, owner: Array,
                rng: np.random.Generator) -> Array:
    """Choose a cell for the seat of each place: communities round the town's seat, villages on gentle ground."""
    x, y = grid.all_xy_m()
    gentle = np.exp(-((terrain.slope / 0.16) ** 2)) * ~blocked + 1e-6
    seats = np.zeros(len(facts.places), int)
    for index, township in enumerate(facts.townships.itertuples()):
        rows = np.flatnonzero(facts.places["township_code"] == township.township_code)
        community = (facts.places["kind"].to_numpy()[rows] == "community")
        cells = np.flatnonzero((owner == index).ravel() & _within(facts, x, y).ravel() & ~blocked.ravel())
        far = np.hypot(x.flat[cells] - township.x_m, y.flat[cells] - township.y_m)
        reach = np.sqrt(len(cells) * grid.cell_m**2 / np.pi)
        near = np.exp(-((far / (0.6 * reach if township.kind == "street" else 0.22 * reach)) ** 2))
        taken: list[int] = []
        for row, in_town in sorted(zip(rows.tolist(), community.tolist(), strict=True), key=lambda pair: not pair[1]):
            weight = gentle.flat[cells] * (near if in_town else 1.0)
            spot = _apart(grid, cells, weight, taken, reach / np.sqrt(len(rows)) * (0.75 if in_town else 1.0), rng)
            if in_town and not taken:
                spot = int(cells[np.argmin(far)])
            taken.append(spot)
            seats[row] = spot
    return seats


def _within(facts: Facts, x: Array, y: Array) -> Array:
    room = shapely.buffer(facts.outline, -250)
    shapely.prepare(room)
    return np.asarray(shapely.contains_xy(room, x.ravel(), y.ravel()).reshape(x.shape))


def _apart(grid: Grid, cells: Array, weight: Array, taken: list[int], apart_m: float,
           rng: np.random.Generator) -> int:
    """Draw a cell by weight, away from those already taken."""
    if taken:
        xy, other = grid.xy_m(cells), grid.xy_m(taken)
        near = np.min(np.hypot(*(xy[:, None] - other[None]).transpose(2, 0, 1)), axis=1)
        weight = weight * smooth_step(near, 0.7 * apart_m, 2.2 * apart_m) ** 2 + 1e-12 * near
    return int(rng.choice(cells, p=weight / weight.sum()))


def place_targets_km2(facts: Facts, owner: Array, inside: Array, cell_m: float, built_km2: Array,
                      rng: np.random.Generator) -> Array:
    """Share each township's area among its places: room for what is built, the rest mostly to villages."""
    weight = np.where(facts.places["kind"] == "community", 0.3, 1.0) * np.exp(rng.normal(0, 0.3, len(facts.places)))
    area = np.bincount(owner[inside & (owner >= 0)], minlength=len(facts.townships)) * cell_m**2 / 1e6
    of = facts.townships.set_index("township_code").index.get_indexer(facts.places["township_code"])
    built = np.bincount(of, weights=built_km2, minlength=len(area))
    room = np.minimum(1.35, 0.8 * area / np.maximum(built, 1e-9))[of] * built_km2
    left = area - np.bincount(of, weights=room, minlength=len(area))
    return np.asarray(room + weight / np.bincount(of, weights=weight)[of] * left[of])


def closed_between(weights: list[Array], owner: Array) -> list[Array]:
    """Forbid every link between cells of different owners."""
    return [np.where(np.equal(*ends(owner, step)), weight, np.inf) for step, weight in zip(STEPS, weights, strict=True)]


def place_polygons(grid: Grid, facts: Facts, label: Array, rng: np.random.Generator) -> list[shapely.Geometry]:
    """Turn labels into polygons in metres that share their borders exactly and fill the outline.

    The borders of the raster are cut into arcs between their meeting points; each arc is smoothed with its ends held,
    and all are moved a little by one field of noise, so that neighbours keep sharing them.
    """
    filled = label.astype(np.int32)
    parts = shapes(filled, mask=filled >= 0, connectivity=4, transform=grid.transform)
    borders = shapely.union_all([shapely.boundary(shapely.geometry.shape(geometry)) for geometry, _ in parts])
    noise = [22 * fractal(grid.shape, grid.cell_m, rng, longest_m=900) for _ in range(2)]
    shapely.prepare(facts.outline)
    for strength in (1.0, 0.5, 0.25, 0.0):
        faces = _faces(grid, facts, label, [_smooth_arc(grid, arc, noise, strength)
                                            for arc in shapely.get_parts(shapely.line_merge(borders))])
        if len(faces) == len(facts.places):
            return _single_parts(faces, len(facts.places))
    raise ValueError("a place lies outside the outline")


def _faces(grid: Grid, facts: Facts, label: Array,
           arcs: list[shapely.Geometry]) -> dict[int, list[shapely.Geometry]]:
    """Give each place the faces between the arcs whose middle is its own."""
    lines = shapely.union_all([*arcs, shapely.boundary(facts.outline)])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    points = shapely.point_on_surface(faces)
    inside = shapely.contains(facts.outline, points)
    owner = label.flat[grid.cell_at(shapely.get_coordinates(points[inside]))]
    by_place: dict[int, list[shapely.Geometry]] = {}
    for face, of in zip(faces[inside], owner.tolist(), strict=True):
        by_place.setdefault(of, []).append(face)
    return by_place


def _smooth_arc(grid: Grid, arc: shapely.LineString, noise: list[Array], strength: float) -> shapely.LineString:
    """Smooth one arc of a raster border and move it by the noise; a strength of 0 leaves it as it is."""
    if strength == 0:
        return arc
    xy = shapely.get_coordinates(shapely.segmentize(arc, grid.cell_m / 2))
    closed = bool((xy[0] == xy[-1]).all())
    reach = min(3.2, len(xy) / 4) * strength
    if closed:
        xy[:-1] = gaussian_filter1d(xy[:-1], reach, axis=0, mode="wrap")
        xy[-1] = xy[0]
    elif len(xy) > 4:
        pad = min(len(xy) - 1, 14)
        wide = np.pad(xy, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd")
        xy[1:-1] = gaussian_filter1d(wide, reach, axis=0)[pad + 1: -pad - 1]
    at = [(grid.north_m - xy[:, 1]) / grid.cell_m - 0.5, (xy[:, 0] - grid.west_m) / grid.cell_m - 0.5]
    shift = np.column_stack([map_coordinates(field, at, order=1, mode="nearest") for field in noise])
    return shapely.simplify(shapely.LineString(xy + strength * shift), 9.0)


def _single_parts(by_place: dict[int, list[shapely.Geometry]], count: int) -> list[shapely.Geometry]:
    """Give slivers that are cut off from their place to the neighbour they touch most."""
    main: list[shapely.Geometry] = []
    loose: list[shapely.Geometry] = []
    for place in range(count):
        parts = sorted(shapely.get_parts(shapely.union_all(by_place[place])), key=lambda part: -part.area)
        main.append(parts[0])
        loose += parts[1:]
    for part in sorted(loose, key=lambda part: (-part.area, part.bounds)):
        touching = shapely.STRtree(main).query(part, predicate="intersects")
        shared = [float(shapely.length(shapely.intersection(shapely.boundary(part), shapely.boundary(main[n]))))
                  for n in touching]
        if shared:
            best = int(touching[int(np.argmax(shared))])
            main[best] = shapely.union(main[best], part)
    return main


def in_degrees(polygons: list[shapely.Geometry], crs: str) -> list[shapely.Geometry]:
    """Go to degrees, rounded to six digits; shared points stay shared."""
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)

    def turn(xy: Array) -> Array:
        return np.round(np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])), 6)

    return list(shapely.transform(np.array(polygons, dtype=object), turn))
