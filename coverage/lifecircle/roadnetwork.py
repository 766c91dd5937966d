"""Hold roads as straight segments in a metric CRS, and trade them with OSMnx and networkx.

A curved road is stored as its straight pieces, so that a point on a road is a node or lies on a straight line: the
closed form of the access leg is then exact, and no geometry has to travel beside the graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.datum import stretches_lengths
from lifecircle.errors import BadValueError, EmptyTableError, MissingCrsError, first_of
from lifecircle.osmtags import ROAD_CLASSES, UNSAID, RoadTags, road_tags
from lifecircle.roadheights import smooth, span

if TYPE_CHECKING:
    import networkx as nx

Array = npt.NDArray[Any]

@dataclass(frozen=True)
class RoadNetwork:
    """Roads as straight segments between nodes.

    Attributes
    ----------
    crs : str
        Projected CRS of the coordinates, in metres.
    node_id : (n,) int64
        Identity of the node in its source.
    node_xy_m, node_z_m : (n, 2) float64, (n,) float64
        Position in the CRS; height above sea, NaN where unknown.
    u, v : (m,) int32
        First and last node of each segment, as positions in ``node_xy_m``.
    length_m : (m,) float64
        Length of the segment along the road; at least the straight distance up to rounding.
    road_class : (m,) int8
        Position in `ROAD_CLASSES`.
    oneway : (m,) int8
        For vehicles: 0 both ways, 1 from u to v only, -1 from v to u only.
    maxspeed_kph, speed_kph : (m,) float64
        Legal limit, a cap; and a known speed of travel by motor (or of the ferry), which replaces the class speed.
        NaN where not said.
    bridge, tunnel, ferry : (m,) bool
    foot, bicycle, motor : (m,) int8
        Access as read: -1 unsaid, 0 forbidden, 1 allowed.
    way_id : (m,) int64
        Identity of the road in its source, for reports.
    profile_offset, profile_z_m : (m + 1,) int64, (k,) float64
        Heights at even steps inside each segment (its ends left out), from u to v.
    source, quality : str
        Where the roads come from, and one of surveyed, register, osm, derived, model.
    """

    crs: str
    node_id: Array
    node_xy_m: Array
    node_z_m: Array
    u: Array
    v: Array
    length_m: Array
    road_class: Array
    oneway: Array
    maxspeed_kph: Array
    speed_kph: Array
    bridge: Array
    tunnel: Array
    ferry: Array
    foot: Array
    bicycle: Array
    motor: Array
    way_id: Array
    profile_offset: Array
    profile_z_m: Array
    source: str = ""
    quality: str = "osm"

    @classmethod
    def from_segments(cls, crs: str, node_xy_m: Array, u: Array, v: Array, road_class: Array, *, source: str = "",
                      quality: str = "osm", node_id: Array | None = None, node_z_m: Array | None = None,
                      **columns: Array) -> RoadNetwork:
        """Build from the ends of segments; columns not given take the value that says nothing.

        Raises
        ------
        EmptyTableError
            If there is no segment.
        BadValueError
            If a coordinate or a length is not finite, a node index is out of range, or lengths would be taken in
            Web Mercator.
        """
        count, nodes = len(u), len(node_xy_m)
        if count == 0:
            raise EmptyTableError(source or "roads", "no road segment", "check the extract, its classes and the buffer")
        xy = np.ascontiguousarray(node_xy_m, dtype=np.float64)
        u, v = np.asarray(u, dtype=np.int32), np.asarray(v, dtype=np.int32)
        if min(u.min(), v.min()) < 0 or max(u.max(), v.max()) >= nodes:
            raise BadValueError(source or "roads", "a segment names a node that is not there", "rebuild the road table")
        if "length_m" not in columns and stretches_lengths(crs):
            raise BadValueError(source or "roads", f"{crs} does not measure true metres", "reproject the roads first")
        straight = np.hypot(*(xy[v] - xy[u]).T)
        length = np.asarray(columns.pop("length_m", straight), dtype=np.float64)
        if not (np.isfinite(xy).all() and np.isfinite(length).all() and (length >= 0).all()):
            raise BadValueError(source or "roads", "a road coordinate or length is not a finite number",
                                "check the coordinate system of the road layer")
        blank: dict[str, Array] = {
            "oneway": np.zeros(count, np.int8),
            "maxspeed_kph": np.full(count, np.nan),
            "speed_kph": np.full(count, np.nan),
            "bridge": np.zeros(count, bool),
            "tunnel": np.zeros(count, bool),
            "ferry": np.zeros(count, bool),
            "foot": np.full(count, UNSAID, np.int8),
            "bicycle": np.full(count, UNSAID, np.int8),
            "motor": np.full(count, UNSAID, np.int8),
            "way_id": np.arange(count, dtype=np.int64),
        }
        unknown = set(columns) - set(blank)
        if unknown:
            raise BadValueError(source or "roads", f"unknown road column {sorted(unknown)}", "see RoadNetwork")
        filled = {name: np.asarray(columns.get(name, default), dtype=default.dtype) for name, default in blank.items()}
        return cls(
            crs=crs,
            node_id=np.arange(nodes, dtype=np.int64) if node_id is None else np.asarray(node_id, dtype=np.int64),
            node_xy_m=xy,
            node_z_m=np.full(nodes, np.nan) if node_z_m is None else np.asarray(node_z_m, dtype=np.float64),
            u=u, v=v, length_m=np.maximum(length, 0.0), road_class=np.asarray(road_class, dtype=np.int8),
            profile_offset=np.zeros(count + 1, dtype=np.int64), profile_z_m=np.empty(0),
            source=source, quality=quality, **filled,
        )

    def __len__(self) -> int:
        """Count the segments."""
        return len(self.u)

    @property
    def node_count(self) -> int:
        """Count the nodes."""
        return len(self.node_xy_m)

    def take(self, keep: Array) -> RoadNetwork:
        """Keep some segments (mask or positions) and the nodes they use.

        Heights are kept at nodes; sample profiles after taking, not before.
        """
        keep = np.flatnonzero(keep) if keep.dtype == bool else keep
        used, ends = np.unique(np.concatenate([self.u[keep], self.v[keep]]), return_inverse=True)
        per_edge = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name in EDGE_COLUMNS}
        per_edge.update(u=ends[: len(keep)].astype(np.int32), v=ends[len(keep):].astype(np.int32))
        return replace(self, node_id=self.node_id[used], node_xy_m=self.node_xy_m[used], node_z_m=self.node_z_m[used],
                       profile_offset=np.zeros(len(keep) + 1, dtype=np.int64), profile_z_m=np.empty(0), **per_edge)

    def with_heights(self, sample_z_m: Any, *, step_m: float = 50.0, smooth_m: float = 0.0) -> RoadNetwork:
        """Sample heights along the roads, take the bumps out and lay bridges and tunnels straight.

        The ground under a bridge or over a tunnel is not its height: nodes without ground take theirs from the line
        between the portals, by length along the structure.

        Parameters
        ----------
        sample_z_m : callable
            ``(k, 2) xy in the network's CRS -> (k,) heights in metres``, NaN where the height model is void.
        step_m : float
            Longest distance between two heights on a segment.
        smooth_m : float
            Waves of the profile of this length lose half of their height, shorter ones more (`roadheights.smooth`);
            0 leaves the heights as they are.
        """
        count = np.maximum(np.ceil(self.length_m / step_m).astype(np.int64), 1)
        offset = np.concatenate([[0], np.cumsum(count - 1)])
        edge = np.repeat(np.arange(len(self)), count - 1)
        share = (np.arange(offset[-1]) - offset[edge] + 1) / count[edge]
        begin, end = self.node_xy_m[self.u[edge]], self.node_xy_m[self.v[edge]]
        xy = np.concatenate([self.node_xy_m, begin + (end - begin) * share[:, None]])
        z = self._laid(np.asarray(sample_z_m(xy), dtype=np.float64), edge, share)
        if smooth_m > 0:
            piece = np.repeat(np.arange(len(self)), count)
            number = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
            inner = self.node_count + offset[piece] + number
            tail, head = np.where(number == 0, self.u[piece], inner - 1), np.where(
                number == count[piece] - 1, self.v[piece], inner)
            land, run = ~self.ferry[piece], (self.length_m / count)[piece]
            z = self._laid(smooth(z, xy, tail[land], head[land], run[land], smooth_m), edge, share)
        return replace(self, node_z_m=z[: self.node_count], profile_offset=offset, profile_z_m=z[self.node_count:])

    def _laid(self, z_m: Array, edge: Array, share: Array) -> Array:
        """Lay structures straight: heights of the nodes, and of places inside segments at a share of their length."""
        structure = self.bridge | self.tunnel
        if not structure.any():
            return z_m
        node_z, inner_z = z_m[: self.node_count], z_m[self.node_count:]
        node_z = span(node_z, self.u, self.v, self.length_m, structure)
        between = node_z[self.u[edge]] * (1 - share) + node_z[self.v[edge]] * share
        return np.concatenate([node_z, np.where(structure[edge], between, inner_z)])

    def to_networkx(self) -> nx.MultiDiGraph:
        """Give an OSMnx MultiDiGraph: nodes with x, y, edges with osmid, highway, length, oneway.

        A segment open both ways for vehicles becomes two edges, each with the other's ``reversed``; a one-way segment
        becomes one, with ``oneway=True``, as OSMnx does for driving. ``segment`` is the position in this table.
        """
        import networkx as nx

        graph = nx.MultiDiGraph(crs=self.crs, simplified=False)
        for node, (x, y), z in zip(self.node_id.tolist(), self.node_xy_m.tolist(), self.node_z_m.tolist(),
                                   strict=True):
            graph.add_node(node, x=x, y=y) if z != z else graph.add_node(node, x=x, y=y, elevation=z)
        for i in range(len(self)):
            tail, head = int(self.node_id[self.u[i]]), int(self.node_id[self.v[i]])
            if self.oneway[i] == -1:
                tail, head = head, tail
            data = self._edge_tags(i)
            graph.add_edge(tail, head, **data, reversed=bool(self.oneway[i] == -1))
            if self.oneway[i] == 0:
                graph.add_edge(head, tail, **data, reversed=True)
        return graph

    def _edge_tags(self, i: int) -> dict[str, Any]:
        tags: dict[str, Any] = {
            "osmid": int(self.way_id[i]), "highway": ROAD_CLASSES[self.road_class[i]], "segment": i,
            "length": float(self.length_m[i]), "oneway": bool(self.oneway[i] != 0),
        }
        if np.isfinite(self.maxspeed_kph[i]):
            tags["maxspeed"] = f"{self.maxspeed_kph[i]:g}"
        if np.isfinite(self.speed_kph[i]):
            tags["speed_kph"] = float(self.speed_kph[i])
        tags.update({name: "yes" for name in ("bridge", "tunnel") if getattr(self, name)[i]})
        if self.ferry[i]:
            tags["route"] = "ferry"
        for name, tag in (("foot", "foot"), ("bicycle", "bicycle"), ("motor", "motor_vehicle")):
            said = int(getattr(self, name)[i])
            if said != UNSAID:
                tags[tag] = "yes" if said else "no"
        return tags

    @classmethod
    def from_networkx(cls, graph: nx.MultiDiGraph, *, crs: str, source: str = "networkx", quality: str = "osm",
                      ) -> RoadNetwork:
        """Read any OSMnx MultiDiGraph, simplified or not, in any CRS it names.

        The tag rules are those of the OSM reader, so a graph and the extract it was made from give the same roads.

        Raises
        ------
        MissingCrsError
            If the graph has no ``crs``.
        BadValueError
            If a node has no position.
        """
        if not graph.graph.get("crs"):
            raise MissingCrsError(source, "the graph names no crs", "set graph.graph['crs'], as OSMnx does")
        import shapely
        from pyproj import Transformer

        transform = Transformer.from_crs(graph.graph["crs"], crs, always_xy=True).transform
        ids = list(graph.nodes)
        position = {node: index for index, node in enumerate(ids)}
        bare = [node for node, data in graph.nodes(data=True) if "x" not in data or "y" not in data]
        if bare:
            raise BadValueError(source, f"node {first_of(bare)} has no x or y", "give every node its position")
        xy = [(float(data["x"]), float(data["y"])) for _, data in graph.nodes(data=True)]
        rows: dict[tuple[Any, ...], _Edge] = {}
        for tail, head, data in graph.edges(data=True):
            tags = road_tags(data)
            if tags is None:
                continue
            line = [xy[position[tail]], xy[position[head]]]
            if data.get("geometry") is not None:
                line = [(c[0], c[1]) for c in shapely.get_coordinates(data["geometry"]).tolist()]
            length_m = float(data["length"]) if "length" in data else math.nan
            low, high = sorted((position[tail], position[head]))
            middle = frozenset(line[1:-1])
            key = (low, high, _ids(data.get("osmid")), round(length_m, 1) if length_m == length_m else None, middle)
            if key in rows and (rows[key].tail, rows[key].head) == (position[head], position[tail]):
                rows[key] = rows[key]._replace(tags=tags._replace(oneway=0))
            elif key not in rows:
                rows[key] = _Edge(position[tail], position[head], line, length_m, tags._replace(oneway=1),
                                  _whole_number(data.get("osmid")))
        network = _explode(list(rows.values()), xy, ids, transform, crs=crs, source=source, quality=quality)
        return network.take(np.arange(len(network)))


#: Columns of `RoadNetwork` that hold one value per segment.
EDGE_COLUMNS = ("u", "v", "length_m", "road_class", "oneway", "maxspeed_kph", "speed_kph", "bridge", "tunnel", "ferry",
                 "foot", "bicycle", "motor", "way_id")


class _Edge(NamedTuple):
    """One road between two graph nodes, still curved."""

    tail: int
    head: int
    line: list[tuple[float, float]]
    length_m: float
    tags: RoadTags
    way_id: int


def _ids(value: Any) -> frozenset[Any]:
    """Give the OSM ids of an edge; OSMnx lists them in the order of travel, so both directions list them otherwise."""
    return frozenset(value) if isinstance(value, list | tuple | set) else frozenset([value])


def _whole_number(value: Any) -> int:
    value = next(iter(value), 0) if isinstance(value, list | tuple) else value
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _explode(edges: list[_Edge], xy: list[tuple[float, float]], ids: list[Any], transform: Any, *, crs: str,
             source: str, quality: str) -> RoadNetwork:
    """Cut curved edges at their inner points; a stated length is shared out by the pieces' straight lengths."""
    points, u, v, edge_of = list(xy), [], [], []
    for index, edge in enumerate(edges):
        chain = [edge.tail, *range(len(points), len(points) + len(edge.line) - 2), edge.head]
        points.extend(edge.line[1:-1])
        u += chain[:-1]
        v += chain[1:]
        edge_of += [index] * (len(chain) - 1)
    node_xy = np.column_stack(transform(*np.array(points, dtype=np.float64).reshape(-1, 2).T))
    of = np.array(edge_of, dtype=np.int64)
    straight = np.hypot(*(node_xy[v] - node_xy[u]).T) if len(of) else np.empty(0)
    whole = np.bincount(of, weights=straight, minlength=len(edges))
    stated = np.array([edge.length_m for edge in edges])
    factor = np.where(np.isfinite(stated) & (whole > 0), stated / np.where(whole > 0, whole, 1.0), 1.0)
    columns = {name: np.array([getattr(edge.tags, name) for edge in edges])[of] for name in RoadTags._fields}
    columns["way_id"] = np.array([edge.way_id for edge in edges], dtype=np.int64)[of]
    names = [node if isinstance(node, int) else -1 - index for index, node in enumerate(ids)]
    inner = range(-len(ids) - 1, -len(points) - 1, -1)
    return RoadNetwork.from_segments(crs, node_xy, np.array(u), np.array(v), columns.pop("road_class"),
                                     node_id=np.array([*names, *inner], dtype=np.int64), length_m=straight * factor[of],
                                     source=source, quality=quality, **columns)
