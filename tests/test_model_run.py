"""The whole path on the model district of Bazhou."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from browser import chromium, visit
from identities import check_identities
from lifecircle.assess import assess
from lifecircle.compare import MOVES, compare
from lifecircle.indicators.eldercircles import circle_table
from lifecircle.indicators.planned import by_figure, select
from lifecircle.inputs.circletable import HUB_LEVELS
from lifecircle.inputs.findings import Findings
from lifecircle.network.routes import trace_worse
from lifecircle.outputs.groupcounts import Cells, hidden_of
from lifecircle.outputs.maps import save_map
from lifecircle.scenario import read_scenario
from lifecircle.scorecard import plan_of
from lifecircle.study import read_study
from lifecircle.tables import RESULTS_KEY
from lifecircle.traveltimes import evaluate, solve_times, walking_slope
from lifecircle.verifytimes import lines_of_run
from test_routes import ROUNDING_MS, Price

BAZHOU = Path(__file__).resolve().parents[1] / "data" / "bazhou.toml"


@pytest.fixture(scope="module")
def study():
    return read_study(BAZHOU)


@pytest.fixture(scope="module")
def times(study):
    return solve_times(study, Findings())


@pytest.fixture(scope="module")
def found(study):
    return assess(study)


def test_it_adds_up(found):
    check_identities(found)


def test_census_totals(found):
    people = found.results[(found.results["indicator"] == "people") & found.results["headline"]
                           & (found.results["township_code"] == "511902000000") & (found.results["layer"] == "clinics")]
    assert people.set_index("class")["value"].to_dict() == {"all": 651_534, "urban": 419_854, "rural": 231_680}
    assert len(found.townships) == 22
    assert len(found.places) == 296


def with_profiles(roads, lines):
    """Give the roads of the oracle, of which it knows the heights of the ends alone, the times that `verify` takes."""
    np.testing.assert_array_equal((roads.u, roads.v, roads.joinable), (lines.u, lines.v, lines.joinable))
    there, back = (np.where(np.isnan(ms), np.inf, ms) for ms in (lines.ms_uv, lines.ms_vu))
    return replace(roads, ms_uv=there, ms_vu=back)


def test_each_place_has_the_way_behind_its_minutes(found, times):
    """Every place and service; of some, the line is priced again by roads that know nothing of the search."""
    study, routes = times.study, found.routes.set_index(["place_code", "layer"])
    assert len(times.middle_points) == 296
    reached, prices = 0, {}
    for layer in study.layers:
        if study.policy.layer(layer).reach is None:
            continue
        for place, name, row in times.middle_points[["place_code", "class", "row"]].itertuples(index=False):
            rule = study.policy.layer(layer).rule(name)
            known = times.times.get((layer, rule.mode)) if rule else None
            if known is None or not np.isfinite(known.minutes[row]):
                assert (place, layer) not in routes.index
                continue
            reached, route = reached + 1, routes.loc[(place, layer)]
            assert (route["minutes"], route["mode"]) == (known.minutes[row], rule.mode)
            assert route["facility_id"] == times.serving[layer]["facility_id"].iloc[known.facility[row]]
            assert route.geometry.coords[0 if route["direction"] == "to" else -1] == tuple(times.xy_m[row])
            if reached % 37 == 0:
                mode = times.modes[rule.mode]
                walk = mode if mode.on_foot else times.modes[mode.walk_mode]
                slope = walking_slope(study, layer, times.modes, rule.mode)
                if (rule.mode, slope) not in prices:
                    price = Price(mode, walk, study.roads, times.access.barriers, hilly=False)
                    price.roads[True] = with_profiles(price.roads[True], lines_of_run(study.roads, walk, slope))
                    prices[rule.mode, slope] = price
                (again,) = trace_worse(*times.fields[layer, rule.mode], times.xy_m[[row]])
                np.testing.assert_array_equal(again.xy_m, shapely.get_coordinates(route.geometry))
                assert abs(prices[rule.mode, slope].of(again) - route["minutes"] * 60_000) <= ROUNDING_MS
    assert reached == len(routes) > 1_400


def test_the_map_draws_hidden_places_as_hidden(found, tmp_path):
    """Counted from the demand points and what the disclosure hides, not from the map's own counts."""
    save_map(found, tmp_path / "map.html")
    demand, cells = found.demand, Cells.of(found.demand, "511902000000")
    expected = {}
    for layer, group in (("childcare", "0_2"), ("elderly_care", "60plus")):
        people, state = demand[f"population_{group}"], demand[f"state_{layer}"]
        mask = hidden_of(cells, people.to_numpy(dtype=float), state)
        own = {name: people.where(state == name, 0.0).groupby(demand["place_code"]).sum()
               for name in ("in_time", "out_of_time", "undetermined")}
        tally = Counter()
        for code, reached, judged in zip(cells.places, mask.reached, mask.judged, strict=False):
            here, out, unsure = (own[name][code] for name in own)
            parts = {"in": here, "out": out + unsure} if judged else {"in": here, "out": out, "unsure": unsure}
            tally["hidden" if reached else max(parts, key=parts.get) if here + out + unsure else "nobody"] += 1
        tally["nobody"] += len(found.places) - len(cells.places)
        expected[layer] = [tally[name] for name in ("in", "out", "unsure", "hidden", "nobody")]
    assert expected["childcare"] == [26, 27, 0, 116, 127]
    said = ("多数已覆盖", "多数未覆盖", "多数待核", "覆盖情况不公开", "无人口")
    with chromium() as browser, visit(browser, tmp_path / "map.html") as seen:
        for layer, amounts in expected.items():
            seen.page.click(f".lc-services input[value={layer}]")
            texts = seen.page.locator(".lc-legend .lc-row").all_inner_texts()
            rows = dict(text.rsplit("\n", 1) for text in texts)
            assert [int(rows.get(name, "0 个").split()[0]) for name in said] == amounts
            assert rows.get("不公开", "0 个") == {"childcare": "9 个", "elderly_care": "0 个"}[layer]
            assert seen.page.locator(".lc-disc").count() == 296 - amounts[4]


def test_a_scenario_of_the_district_compared_adds_up(study, found):
    """Two clinics opened, one closed, one bridge built, one road cut: the sample scenario, without its year."""
    scenario = replace(read_scenario(BAZHOU.with_name("scenario.toml")), year=None)
    after = assess(study, scenario=scenario)
    seen = compare(found, after)
    judged = seen.table[seen.table["people"].notna()]
    assert set(judged["layer"]) == set(found.layers) - {"sports_grounds"}
    np.testing.assert_allclose(judged[list(MOVES)].sum(axis=1), judged["people"], atol=1e-6)
    np.testing.assert_allclose(judged["in_time_after"] - judged["in_time_before"], judged["won"] - judged["lost"],
                               atol=1e-6)
    whole = judged["township_code"] == "511902000000"
    sums = judged[~whole].groupby(["layer", "class"])[list(MOVES)].sum()
    told = judged[whole].set_index(["layer", "class"])[list(MOVES)]
    np.testing.assert_allclose(sums, told.loc[sums.index], atol=1e-6)
    clinics = judged[whole & (judged["class"] == "all")].set_index("layer").loc["clinics"]
    assert min(clinics["won"], clinics["lost"]) > 0
    gains = after.gains[after.gains["layer"] == "clinics"].set_index("facility_id")
    assert gains.index.tolist() == ["CLN1", "CLN2", "all"]
    assert gains["people_together"]["all"] >= gains["people_alone"].max() >= gains["people_last"].max() > 0
    assert set(seen.facilities["change"]) == {"opened", "closed"}
    assert after.changed_roads["edit"].tolist() == ["build", "cut"]
    assert set(seen.table["quality"]) == set(after.gains["quality"]) == {"model"}


def test_everything_says_model(found):
    assert set(found.results["quality"]) == {"model"}
    assert set(found.gaps["quality"]) == {"model"}
    assert set(found.facilities["quality"]) == {"model"}
    assert found.run["quality"] == "model"
    assert found.facilities["name"].str.startswith("示例").all()


def test_every_core_measure_of_the_plan_stands_in_the_results_of_every_township(found):
    """Computed where the input is there, else no_data with what is wanted; the summary of the plan's items is whole."""
    card = found.scorecard
    core = {measure.key: measure for _, measure in plan_of(found).measures if measure.priority in ("P1", "P2")}
    assert len(core) > 40
    for measure in core.values():
        rows = select(by_figure(found.results), measure)
        assert set(rows["township_code"]) == {"511902000000", *found.townships["township_code"]}, measure.key
        bare = rows[rows["value"].isna() & (rows["verdict"] == "no_data")]
        assert bare["basis"].ne("").all()
        if measure.layer and measure.layer not in found.layers and measure.layer != "plan":
            assert bare["basis"].str.startswith(f'needs [[facilities]] layer = "{measure.layer}"').all()
            assert len(bare) == 23
    assert not found.results.duplicated(list(RESULTS_KEY)).any()
    assert set(card["number"]) == set(range(29))
    assert len(card) == 23 * len(plan_of(found).measures)
    assert [item.code for item in found.findings if item.code == "policy_unused"] == []
    district = card[card["township_code"] == "511902000000"].set_index("measure")
    rate = found.headline("coverage_rate").query("layer == 'clinics' and township_code == '511902000000'")
    assert district.loc["health_circle", "actual"] == rate.set_index("class")["value"]["all"]
    assert found.ranking["rank"].dropna().tolist() == sorted(found.ranking["rank"].dropna())
    assert (found.ranking["rank_low"].dropna() <= found.ranking["rank_high"].dropna()).all()
    assert found.ranking["worst"].sum() == 10


def test_modes_of_the_policy(found):
    rates = found.results[found.results["indicator"] == "coverage_rate"]
    rows = set(zip(rates["layer"], rates["class"], rates["mode"], rates["cutoff"].fillna(0), rates["headline"],
                   strict=True))
    for expected in (("clinics", "urban", "walk", 15.0, True), ("clinics", "rural", "walk", 30.0, True),
                     ("clinics", "rural", "car", 30.0, False), ("elderly_care", "urban", "walk_elder", 15.0, True),
                     ("childcare", "rural", "car", 30.0, True), ("childcare", "all", "mixed", 0.0, True)):
        assert expected in rows


def test_believable_gaps(found):
    rates = found.headline("coverage_rate")
    rates = rates[(rates["class"] == "all") & (rates["township_code"] == "511902000000")]
    assert set(rates["layer"]) == {"clinics", "sports_corners", "elderly_care", "childcare", "shelters"}
    assert rates["value"].between(0.2, 0.95).all()
    assert (rates["high"] - rates["low"]).between(0.0, 0.05).all()


def test_circles_of_care_agree_with_the_layer_where_every_facility_is_a_hub(study, times):
    """Circles that list every facility reach as many elders within 15 minutes as the layer does in their places."""
    care = study.facilities[(study.facilities["layer"] == "elderly_care") & (study.facilities["status"] == "existing")]
    hubs = {level: tuple(care["facility_id"][care["level"] == level]) for level in HUB_LEVELS}
    home = study.places.groupby("township_code")["place_code"].agg(tuple)
    listed = [{"circle_id": code, "name": code, "place_codes": codes, **hubs, "status": "", "year": ""}
              for code, codes in home.items()]
    circles = gpd.GeoDataFrame(listed, geometry=[shapely.Polygon()] * len(home), crs=study.crs)
    table = circle_table(times, circles, "elderly_care", "model").set_index("circle_id")
    minutes = times.times["elderly_care", "walk_elder"].minutes
    elders = times.demand["population_60plus"].where(minutes <= 15.0, 0.0).groupby(times.demand["township_code"]).sum()
    assert len(table) == 22
    assert table["elders_in_time"].sum() > 10_000
    assert np.abs(table["elders_in_time"] - elders.reindex(table.index)).max() <= 1e-6
    assert table["hubs"].eq(len(care)).all()
    assert (table["township_code"] == table.index).all()


def test_circles_hold_no_place_that_is_late(study, times, found):
    """Points inside a circle are in time, points outside are not, but within one cell of its edge."""
    rng = np.random.default_rng(2)
    west, south, east, north = study.outline.bounds
    points = rng.uniform((west, south), (east, north), (6000, 2))
    points = points[shapely.contains_xy(study.outline.buffer(-60), *points.T)]
    areas = found.service_areas[found.service_areas["kind"] == "isochrone"]
    for layer, mode, cutoff_min in (("clinics", "walk", 15.0), ("clinics", "walk", 30.0), ("childcare", "car", 30.0)):
        [shape] = areas[(areas["layer"] == layer) & (areas["mode"] == mode) & (areas["cutoff"] == cutoff_min)].geometry
        fields, column = times.fields[layer, mode]
        in_time = evaluate(fields, points)[0][:, column] <= cutoff_min
        inside = shapely.contains_xy(shape, *points.T)
        wrong = inside != in_time
        cell_m = study.runfile.surface.cell_m
        off_m = shapely.distance(shapely.points(points[wrong]), shape.boundary)
        assert (off_m <= cell_m * np.sqrt(2)).all(), (layer, mode, cutoff_min, off_m.max())


def test_ways_over_water_are_bridges_so_rivers_divide(study, times):
    """With its bridges taken out, people across the river reach fewer clinics, and nobody gains."""
    import dataclasses

    cut = dataclasses.replace(study, roads=study.elevation.drape(study.roads.take(~study.roads.bridge), Findings()))
    before = times.times["clinics", "car"].minutes
    after = solve_times(cut, Findings()).times["clinics", "car"].minutes
    assert (after >= before - 1 / 60).all()
    assert (after > before + 5).sum() > 0
