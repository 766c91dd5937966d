"""Doubts about rows, each on a case small enough to be settled by hand."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from lifecircle.datum import to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from lifecircle.errors import BadValueError
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.peoplerows import once_each, report_bare_places, report_sums
from lifecircle.inputs.positions import datum_of_rows, doubt_positions
from lifecircle.inputs.roadjoints import note_short_ends, note_water, short_ends
from lifecircle.inputs.shapes import clean, in_place, to_crs
from lifecircle.inputs.sheets import read_sheet
from lifecircle.inputs.sitedoubts import PlaceGround, report_elsewhere
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import Facilities

WHERE = Path("a.csv")


def points(*xy, crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*zip(*xy, strict=True)), crs=crs,
                            index=pd.RangeIndex(2, len(xy) + 2))


def told(findings):
    return [(item.severity, item.code, item.id) for item in findings]


def test_rows_at_fault_are_left_out_and_the_others_read():
    frame = points((106.7, 31.8), (31.8, 106.7), (106.7, 31_800_000), (106.71, 31.81))
    findings = Findings(collecting=True)
    moved = to_crs(frame, "EPSG:4545", "a.csv", findings)
    assert moved.index.tolist() == [2, 5]
    assert told(findings) == [("stop", "position_swapped", "3"), ("stop", "position_impossible", "4")]
    assert [item.value for item in findings] == ["31.8, 106.7", "106.7, 31800000"]
    with pytest.raises(BadValueError, match="row 3"):
        to_crs(frame, "EPSG:4545", "a.csv")


def test_a_file_that_is_swapped_as_a_whole_is_one_fault():
    with pytest.raises(BadValueError, match=r"row 2 and 1 more: .* set swapped = true"):
        to_crs(points((31.8, 106.7), (31.9, 106.8)), "EPSG:4545", "a.csv", Findings(collecting=True))


def test_equal_coordinates_and_coarse_ones():
    fine = [(106.701234 + step / 1000, 31.801234) for step in range(9)]
    findings = Findings(collecting=True)
    kept = doubt_positions(points(*fine, (31.8, 31.8), (106.75, 31.8)), WHERE, findings)
    assert 11 not in kept.index
    assert told(findings) == [("stop", "position_equal", "11"), ("warn", "position_coarse", "12")]
    findings = Findings()
    assert len(doubt_positions(points((106.75, 31.8), *fine[:8]), WHERE, findings)) == 9  # too few to judge by
    assert told(findings) == []


def test_zone_numbers_are_missed_or_misplaced():
    own, zoned = [(377_000.0 + step, 3_520_000.0) for step in range(3)], (36_377_900.0, 3_520_000.0)
    findings = Findings(collecting=True)
    assert len(doubt_positions(points(*own, zoned, crs="EPSG:4545"), WHERE, findings)) == 3
    assert told(findings) == [("stop", "zone_number", "5")]
    findings = Findings(collecting=True)
    assert len(doubt_positions(points(zoned, own[0], zoned, crs="EPSG:4524"), WHERE, findings)) == 2
    assert told(findings) == [("stop", "zone_number", "3")]


def test_a_row_is_read_in_the_datum_of_its_own_word():
    lonlat = [(106.7123, 31.8123), (106.7223, 31.8223), (106.7323, 31.8323)]
    frame = points(*lonlat, datum=["GCJ-02", "百度坐标系", ""])
    findings = Findings()
    read = in_place(frame, Facilities(layer="clinics", datum="gcj02"), WHERE, findings, layer="clinics")
    for at, datum in enumerate(("gcj02", "bd09", "gcj02")):
        right = np.column_stack(to_wgs84(*(np.array([value]) for value in lonlat[at]), datum))[0]
        assert (read.geometry.iloc[at].x, read.geometry.iloc[at].y) == pytest.approx(tuple(right), abs=1e-11)
    assert told(findings) == [("warn", "datum_of_row", "3")]
    assert findings.items[0].layer == "clinics"


def test_a_column_that_contradicts_the_run_file_does_not_overrule_it():
    findings = Findings()
    frame = points((106.7, 31.8), (106.8, 31.9), (106.9, 31.7), datum=["WGS-84", "CGCS2000", "西安80"])
    assert datum_of_rows(frame, "gcj02", WHERE, findings).tolist() == ["gcj02"] * 3
    assert told(findings) == [("warn", "datum_word_unknown", "4"), ("warn", "datum_contradicts", "2, 3")]
    assert datum_of_rows(frame.drop(index=4), "cgcs2000", WHERE, findings).tolist() == ["wgs84"] * 2


def test_a_mended_outline_is_a_warning_where_it_covers_less():
    """A bow-tie is mended to two triangles; a corner that is visited twice changes nothing."""
    tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    spike = shapely.Polygon([(0, 0), (10, 0), (10, 10), (10, 12), (10, 10), (0, 10)])
    findings = Findings()
    frame = gpd.GeoDataFrame(geometry=[spike, tie], crs="EPSG:4545", index=[1, 2])
    assert clean(frame, WHERE, findings).area.tolist() == pytest.approx([100.0, 50.0])
    assert told(findings) == [("warn", "geometry_repaired", "2"), ("note", "geometry_repaired", "1")]


def roads(*lines, quality="surveyed", **columns):
    """Build one segment per line; ends that are equal are one node."""
    ends = np.array(lines, dtype=float).reshape(-1, 2)
    xy, node = np.unique(ends, axis=0, return_inverse=True)
    u, v = node.reshape(-1, 2).T
    return RoadNetwork.from_segments("EPSG:4545", xy, u, v, np.zeros(len(u), np.int8), source="r.gpkg", quality=quality,
                                     way_id=np.arange(1, len(u) + 1), **columns)


def test_an_end_that_stops_short_is_told_from_a_stub_and_from_a_dead_end():
    network = roads([(0, 0), (1000, 0)], [(500, 4), (500, 300)], [(800, 40), (800, 300)], [(1000, 0), (1005, 8)])
    segment, gap_m = short_ends(network)
    assert network.way_id[segment].tolist() == [2]
    assert gap_m.tolist() == pytest.approx([4.0])
    for quality, severity in (("surveyed", "warn"), ("osm", "note")):
        findings = Findings()
        note_short_ends(roads([(0, 0), (1000, 0)], [(500, 4), (500, 300)], quality=quality), findings)
        assert [(item.severity, item.id, item.value) for item in findings] == [(severity, "way 2", "4.0 m")]


def test_a_road_in_water_is_none_on_a_bridge():
    river = gpd.GeoDataFrame({"kind": ["water", "hazard"]}, geometry=[shapely.box(100, -50, 160, 50),
                                                                     shapely.box(300, -50, 360, 50)], crs="EPSG:4545")
    network = roads([(0, 0), (400, 0)], [(0, 20), (400, 20)], [(97, -60), (97, 60)], [(0, 40), (102, 40)],
                    bridge=np.array([False, True, False, False]))
    findings = Findings()
    note_water(network, river, findings)
    assert [(item.severity, item.code, item.id, item.value) for item in findings] == [
        ("warn", "road_in_water", "way 1", "60 m")]
    findings = Findings()
    note_water(network, river.iloc[:0], findings)
    assert not findings.items


def listed(*rows):
    table = pd.DataFrame(rows, columns=["place_code", "township_code", "population"], index=range(4, len(rows) + 4))
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([None] * len(rows), index=table.index, crs="EPSG:4545"))


PLACES = gpd.GeoDataFrame({"place_code": ["a", "b", "c"], "place": ["甲村", "乙村", "丙村"], "township_code": ["t"] * 3,
                           "kind": ["village"] * 3}, geometry=gpd.points_from_xy([0, 1, 2], [0, 0, 0]), crs="EPSG:4545")


def test_a_place_that_stands_twice_counts_once_or_in_parts():
    raw = listed(("a", "t", 10.0), ("b", "t", 5.0), ("a", "t", 10.0), ("b", "t", 6.0))
    findings = Findings(collecting=True)
    kept = once_each(raw, PLACES, ["population"], WHERE, findings)
    assert told(findings) == [("stop", "place_twice", "4, 6"), ("warn", "place_in_parts", "5, 7")]
    assert kept["population"].tolist() == [10.0, 5.0, 6.0]
    with pytest.raises(BadValueError, match="row 4, 6 give the same figures for 甲村"):
        once_each(raw, PLACES, ["population"], WHERE, Findings())


def test_places_that_a_list_leaves_out():
    findings = Findings()
    report_bare_places(listed(("a", "t", 1.0), ("c", "t", 1.0)), PLACES, WHERE, findings)
    assert [(item.severity, item.id, item.value) for item in findings] == [("warn", "b", "乙村")]
    findings = Findings()
    report_bare_places(listed(("a", "t", 1.0)), PLACES, WHERE, findings)
    assert [(item.severity, item.id, item.message[:6]) for item in findings] == [("warn", "b, c", "2 of 3")]


def test_totals_of_townships_against_their_rows():
    raw = listed(("a", "t", 10.0), ("b", "t", 5.4), ("c", "s", 5.0))
    totals, rows = pd.DataFrame({"population": [15.0, 7.0]}, index=["t", "s"]), pd.Series([3, 4], index=["t", "s"])
    findings = Findings()
    report_sums(raw, totals, rows, Path("totals.csv"), WHERE, findings)
    assert [(item.code, item.file, item.id, item.value) for item in findings] == [
        ("totals_differ", "totals.csv", "4", "7 against 5")]


@pytest.mark.parametrize(("subtotal", "total", "wrong"), [(4, 7, ""), (5, 7, "6"), (4, 8, "7")])
def test_totals_in_a_sheet_against_the_rows_above(tmp_path, subtotal, total, wrong):
    """约2㎡ counts as 2; the first subtotal is of two rows, the second of the one since, the total of all."""
    sheet = tmp_path / "a.csv"
    text = f"名称,建筑面积,率\na,1,50%\nb,约2㎡,\n小计,3,9\nc,4,\n小计,{subtotal},\n合计,{total},\n"
    sheet.write_text(text, encoding="utf-8")
    findings = Findings()
    assert len(read_sheet(sheet, findings=findings)) == 3
    assert [item.id for item in findings if item.code == "total_differs"] == [wrong] * bool(wrong)


@pytest.fixture(scope="module")
def model():
    """Places, people and facilities of the model; each facility bears the code of the place whose outline holds it."""
    data = Path(__file__).resolve().parents[1] / "data"
    places = gpd.read_file(data / "boundaries" / "places.geojson").to_crs("EPSG:4545").assign(kind="")
    tables = [pd.read_csv(path, dtype={"place_code": str, "township_code": str}) for path in
              (data / "population" / "demand.csv", *sorted((data / "facilities").glob("*.csv")))]
    layers = [gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs="EPSG:4326")
              for table in (tables[0], pd.concat(tables[1:], ignore_index=True))]
    people, sites = (layer.to_crs("EPSG:4545") for layer in layers)
    at, place = shapely.STRtree(places.geometry.to_numpy()).query(sites.geometry.to_numpy(), predicate="within")
    home = places.iloc[place]
    sites = sites.iloc[at].assign(place_code=home["place_code"].to_numpy(), place=home["place"].to_numpy(),
                                  township_code=home["township_code"].to_numpy())
    return places, people, sites.reset_index(drop=True)


def doubted(sites, ground):
    findings = Findings()
    report_elsewhere(sites, ground, WHERE, "clinics", findings)
    return sum(item.count for item in findings if item.code == "place_differs")


def test_facilities_of_the_model_lie_in_the_places_they_name(model):
    """By the shift of another datum 324 or 717 of 1168 leave them by 100 m: counted apart from the code under test."""
    places, people, sites = model
    ground = PlaceGround.of(places, people)
    assert (len(sites), doubted(sites, ground)) == (1168, 0)
    for forward, count in ((wgs84_to_gcj02, 324), (wgs84_to_bd09, 717)):
        lon, lat = forward(sites["lon"].to_numpy(), sites["lat"].to_numpy())
        moved = sites.set_geometry(gpd.GeoSeries.from_xy(lon, lat, crs="EPSG:4326").to_crs("EPSG:4545"))
        assert doubted(moved, ground) == count


def test_places_without_outlines_are_doubted_with_care(model):
    """One point each, or the points of all their people: few that are named rightly, many that name a neighbour."""
    places, people, sites = model
    nearest = shapely.STRtree(places.geometry.to_numpy()).query(sites.geometry.to_numpy(), "dwithin", distance=2500)
    home = pd.Index(places["place_code"]).get_indexer(sites["place_code"])
    beside = pd.Series(nearest[1][nearest[1] != home[nearest[0]]]).groupby(nearest[0][nearest[1] != home[nearest[0]]])
    next_door = places.iloc[beside.first()]
    strange = sites.loc[beside.first().index].assign(**{name: next_door[name].to_numpy() for name in (
        "place", "place_code", "township_code")})
    points = places.set_geometry(places.representative_point())
    for folk, wrong, found in ((people.iloc[:0], 0.01, 0.3), (people, 0.002, 0.7)):
        ground = PlaceGround.of(points, folk)
        assert doubted(sites, ground) < wrong * len(sites)
        assert doubted(strange, ground) > found * len(strange)
