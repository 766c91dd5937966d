"""The service as programs call it: a finished run of the tiny town behind the real application."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from pyproj import Transformer

import lifecircle
from lifecircle.errors import MissingFileError
from lifecircle.tables import GAPS_COLUMNS
from lifecircle_api import models
from lifecircle_api.main import create_app
from lifecircle_api.routes.planner import LINKS, TO_PLANNER, prefers_html
from lifecircle_api.settings import Settings
from lifecircle_api.store import Store
from tinytown import EAST_TOWN, WEST_TOWN, lonlat, write_town

NOTICE = "模型数据，非现状"
#: The clinic's name is one that a spreadsheet would run.
CLINIC = '=HYPERLINK("x")'


def run_town(directory: Path, **sections: Any) -> Path:
    """Assess the tiny town and give its run directory."""
    runfile = write_town(directory, **sections)
    register = directory / "clinics.csv"
    quoted = '"' + CLINIC.replace('"', '""') + '"'
    register.write_text(register.read_text(encoding="utf-8").replace("甲诊所", quoted), encoding="utf-8")
    return lifecircle.write_run(lifecircle.assess(runfile), directory / "out")


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def client(run_directory: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(run=run_directory)), raise_server_exceptions=False) as started:
        yield started


def get(client: TestClient, url: str) -> dict[str, Any]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def is_problem(answer: Any, status: int | None = None) -> bool:
    """Tell whether an answer is an error in the shape of RFC 9457, with no word of our insides."""
    body = models.Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body.status == answer.status_code
    assert not re.search(r"Traceback|site-packages|\.py\b", answer.text)
    return status is None or answer.status_code == status


# --- Contents -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("url", ["/", "/healthz", "/layers", "/townships", "/gaps", f"/townships/{WEST_TOWN}/gaps",
                                 "/service-areas", "/service-areas?kind=circle"])
def test_every_body_says_that_it_is_model_data(client: TestClient, run_directory: Path, url: str) -> None:
    body = get(client, url)
    run = json.loads((run_directory / "run.json").read_text(encoding="utf-8"))
    assert (body["quality"], body["notice"], body["run_id"]) == ("model", NOTICE, run["run_id"])


def test_real_data_bears_no_notice(tmp_path: Path) -> None:
    store = Store.open(run_town(tmp_path / "real", quality="register"))
    assert store.stamp["quality"] == "register"
    assert store.stamp["notice"] is None


@pytest.mark.parametrize(("url", "model"), [
    ("/", models.Landing), ("/healthz", models.Health), ("/layers", models.Layers), ("/townships", models.Townships),
    ("/gaps", models.Gaps), (f"/townships/{EAST_TOWN}/gaps", models.Gaps), ("/service-areas", models.ServiceAreas)])
def test_answers_are_what_their_schema_says(client: TestClient, url: str, model: type[models.Stamp]) -> None:
    model.model_validate_json(client.get(url).content, strict=True)


def test_gap_schema_has_the_columns_of_the_contract() -> None:
    assert tuple(field.alias or name for name, field in models.Gap.model_fields.items()) == (
        *GAPS_COLUMNS, "findings")


def test_landing_gives_json_to_programs_and_the_map_to_browsers(client: TestClient, run_directory: Path) -> None:
    asked = client.get("/", headers={"accept": "application/json"})
    shown = client.get("/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert asked.headers["content-type"] == "application/json"
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/map").content == (run_directory / "map.html").read_bytes()
    assert shown.content.replace(TO_PLANNER, b"") == client.get("/map").content != shown.content
    assert asked.headers["vary"] == shown.headers["vary"] == "Accept"


@pytest.mark.parametrize(("accept", "html"), [
    ("", False), ("*/*", False), ("text/html", True), ("application/json", False),
    ("text/html;q=0.5, application/json", False), ("application/json;q=0.1,text/html", True), ("text/html;q=x", True)])
def test_accept_header_decides(accept: str, html: bool) -> None:
    assert prefers_html(accept) is html


def test_all_links_lead_somewhere(client: TestClient) -> None:
    for _, href, kind, _ in LINKS:
        answer = client.get(href)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)


def test_layers_tell_their_rules(client: TestClient) -> None:
    layers = {item["layer"]: item for item in get(client, "/layers")["items"]}
    assert list(layers) == ["clinics", "elderly_care", "shelters"]
    assert layers["clinics"]["urban"] == {"cutoff_min": 15.0, "mode": "walk", "pass_share": None, "beside": []}
    assert layers["elderly_care"]["rural"]["mode"] == "walk_elder"
    assert (layers["elderly_care"]["group"], layers["shelters"]["m2_per_head"]) == ("60plus", 2.0)


def test_townships_show_figures_worked_by_hand(client: TestClient) -> None:
    west, east = get(client, "/townships")["items"]
    assert (west["township_code"], west["township"], west["kind"], west["population"]) == (
        WEST_TOWN, "甲街道", "街道", 500.0)
    clinics = east["layers"]["clinics"]
    assert (clinics["people"], clinics["people_out"], clinics["coverage_rate"]) == (500.0, 450.0, pytest.approx(0.1))
    assert (clinics["coverage_low"], clinics["coverage_high"], clinics["coverage_verdict"]) == (
        pytest.approx(0.1), pytest.approx(0.1), "undecided")
    assert west["layers"]["shelters"]["area_per_head_m2"] == pytest.approx(1.2)
    assert (west["layers"]["shelters"]["area_verdict"], clinics["area_verdict"]) == ("not_met", None)


def test_gap_list_of_a_township(client: TestClient) -> None:
    body = get(client, f"/townships/{EAST_TOWN}/gaps?layer=clinics&kind=reach")
    assert (body["count"], body["returned"]) == (2, 2)
    worst, other = body["items"]
    assert (worst["place"], worst["people_out"], worst["minutes_median"], worst["minutes_over"]) == (
        "丁村", 250.0, 52.5, 22.5)
    assert (other["place"], other["people_out"], other["nearest_facility"], other["cause"]) == (
        "丙村", 200.0, CLINIC, "too_far")
    assert {item["township_code"] for item in body["items"]} == {EAST_TOWN}


def test_no_gaps_is_an_empty_list_and_no_township_an_error(client: TestClient) -> None:
    body = get(client, f"/townships/{WEST_TOWN}/gaps?layer=clinics&kind=reach")
    assert (body["count"], body["items"]) == (0, [])
    assert is_problem(client.get("/townships/990101999000/gaps"), 404)


def test_filters_choose_and_sorts_order(client: TestClient) -> None:
    everything = get(client, "/gaps")["items"]
    assert len(everything) == 14
    assert [item["people_out"] for item in everything] == sorted((item["people_out"] for item in everything),
                                                                 reverse=True)
    assert {item["kind"] for item in get(client, "/gaps?kind=area")["items"]} == {"area"}
    assert [item["place"] for item in get(client, "/gaps?min_people=250")["items"]] == ["丁村", "丁村"]
    over = [item["minutes_over"] for item in get(client, "/gaps?sort=minutes_over")["items"]]
    known = [value for value in over if value is not None]
    assert over == sorted(known, reverse=True) + [None] * (len(over) - len(known))
    codes = [item["township_code"] for item in get(client, "/gaps?sort=township_code")["items"]]
    assert codes == sorted(codes)


def test_limit_cuts_and_says_so(client: TestClient) -> None:
    body = get(client, "/gaps?limit=3")
    assert (body["count"], body["returned"], len(body["items"])) == (14, 3, 3)
    assert body["items"] == get(client, "/gaps")["items"][:3]


def test_csv_opens_safely_in_a_spreadsheet(client: TestClient) -> None:
    answer = client.get(f"/townships/{EAST_TOWN}/gaps?f=csv&layer=clinics&kind=reach")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert tuple(rows[0]) == GAPS_COLUMNS
    assert [row["place"] for row in rows] == ["丁村", "丙村"]
    assert {row["quality"] for row in rows} == {"model"}
    assert {row["nearest_facility"] for row in rows} == {"'" + CLINIC}


def test_csv_and_json_give_the_same_rows(client: TestClient) -> None:
    text = client.get("/gaps?f=csv&sort=minutes_over&limit=9").content.decode("utf-8-sig")
    rows = [(row["place_code"], row["layer"], row["kind"]) for row in csv.DictReader(io.StringIO(text))]
    items = get(client, "/gaps?sort=minutes_over&limit=9")["items"]
    assert rows == [(item["place_code"], item["layer"], item["kind"]) for item in items]


# --- GeoJSON --------------------------------------------------------------------------------------------------------

def test_service_areas_are_geojson_as_rfc_7946_has_it(client: TestClient) -> None:
    answer = client.get("/service-areas")
    assert answer.headers["content-type"] == "application/geo+json"
    assert not re.search(r"\b(NaN|Infinity)\b", answer.text)
    exact = json.loads(answer.content, parse_float=str)
    corners = [lonlat(x_m, y_m) for x_m in (-101, 4101) for y_m in (-101, 2101)]
    (west, east), (south, north) = ((min(side), max(side)) for side in zip(*corners, strict=True))
    for feature in exact["features"]:
        for polygon in feature["geometry"]["coordinates"]:
            for at, ring in enumerate(polygon):
                assert all(len(str(value).partition(".")[2]) <= 7 for point in ring for value in point)
                points = [(float(x), float(y)) for x, y in ring]
                assert points[0] == points[-1]
                assert shapely.LinearRing(points).is_ccw is (at == 0)
                assert all(west < x < east and south < y < north for x, y in points)


def test_service_areas_cover_what_they_say(client: TestClient) -> None:
    project = Transformer.from_crs("EPSG:4326", "EPSG:4545", always_xy=True).transform
    features = get(client, "/service-areas?layer=clinics")["features"]
    assert [feature["id"] for feature in features] == ["clinics-walk-circle", "clinics-walk-isochrone-15",
                                                       "clinics-walk-isochrone-30"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    for feature, shape in zip(features, shapes, strict=True):
        metric = shapely.transform(shape, project, interleaved=False)
        assert metric.area / 1e6 == pytest.approx(feature["properties"]["area_km2"], rel=1e-3)
    assert [feature["properties"]["population"] for feature in features] == [550.0, 300.0, 550.0]
    assert shapes[1].difference(shapes[2]).area < 1e-10
    assert all(feature["properties"]["quality"] == "model" for feature in features)


def test_service_areas_can_be_chosen(client: TestClient) -> None:
    features = get(client, "/service-areas?mode=walk_elder&kind=isochrone")["features"]
    assert [feature["id"] for feature in features] == ["elderly_care-walk_elder-isochrone-15",
                                                       "elderly_care-walk_elder-isochrone-30"]


# --- Errors ---------------------------------------------------------------------------------------------------------

LONG = "1" * 30
BAD = [
    (422, "/gaps?limit=-1"), (422, "/gaps?limit=0"), (422, "/gaps?limit=1e9"), (422, "/gaps?limit=1000000000"),
    (422, f"/gaps?limit={LONG}"), (422, f"/gaps?limit={'9' * 5000}"), (422, "/gaps?limit="), (422, "/gaps?limit=%00"),
    (422, "/gaps?limit=１"), (422, "/gaps?min_people=nan"), (422, "/gaps?min_people=inf"),
    (422, "/gaps?min_people=1e400"), (422, "/gaps?min_people=-1"), (422, f"/gaps?min_people={LONG}"),
    (422, "/gaps?layer=%00"), (422, "/gaps?layer=..%2f..%2fetc"), (422, f"/gaps?layer={'a' * 41}"),
    (422, "/gaps?layer=%ff%fe"), (422, "/gaps?layer="), (422, "/gaps?layer=a%0Ab"), (422, "/gaps?layer=clinics%0A"),
    (422, "/gaps?kind=all"), (422, "/gaps?sort=;drop"), (422, "/gaps?f=xml"), (422, "/townships?limit=10001"),
    (422, "/service-areas?kind=ring"), (422, "/service-areas?mode=WALK"),
    (400, "/gaps?layer=nosuch"), (400, "/service-areas?layer=nosuch"), (400, "/service-areas?mode=bicycle"),
    (400, "/gaps?nosuch=1"), (400, "/gaps?Limit=1"), (400, "/gaps?limit=1&limit=2"), (400, "/?a=1"), (400, "/map?x"),
    (400, "/healthz?%00=1"), (400, "/layers?limit=1"), (400, "/service-areas?bbox=1,2,3,NaN"), (400, "/docs?a=b"),
    (404, "/nosuch"), (404, "/gaps/"), (404, "/townships/"), (404, "/townships/990101999000/gaps"),
    (404, f"/townships/{LONG}/gaps"), (404, f"/townships/{WEST_TOWN}"), (404, "/townships/%E2%80%AE/gaps"),
    (404, "/townships/..%2f..%2fetc%2fpasswd/gaps"), (404, "/..%2f..%2fetc%2fpasswd"), (404, "/%2e%2e/etc/passwd"),
    (404, "/static/../../run.json"), (404, "/townships/%3Cscript%3E/gaps"), (404, "/run.json"),
    (422, "/townships/%00/gaps"), (422, f"/townships/{'9' * 200}/gaps"), (422, "/townships/a%5Cb/gaps"),
    (422, "/townships/%0d%0aX:1/gaps"),
]


@pytest.mark.parametrize(("status", "url"), BAD, ids=[f"{status} {url[:50]}" for status, url in BAD])
def test_bad_requests_get_a_problem(client: TestClient, status: int, url: str) -> None:
    assert is_problem(client.get(url), status)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NOSUCH"])
@pytest.mark.parametrize("url", ["/", "/gaps", f"/townships/{WEST_TOWN}/gaps", "/service-areas"])
def test_wrong_methods_get_a_problem(client: TestClient, method: str, url: str) -> None:
    answer = client.request(method, url, content=b"[" * 100_000)
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "GET"


def test_a_fault_of_ours_says_nothing_of_our_insides(run_directory: Path) -> None:
    app = create_app(Settings(run=run_directory))

    @app.get("/fault")
    async def fault() -> None:
        raise KeyError("/secret/path.py")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/fault")
    assert is_problem(answer, 500)
    assert "secret" not in answer.text


def test_validation_names_the_parameter(client: TestClient) -> None:
    body = client.get("/gaps?limit=-1").json()
    assert body["errors"] == [{"in": "query", "name": "limit",
                               "detail": "Input should be greater than or equal to 1"}]
    assert body["instance"] == "/gaps"


def test_service_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no run\.json in it"), \
            TestClient(create_app(Settings(run=tmp_path))):
        pass


def test_service_draws_the_map_where_it_is_gone(tmp_path: Path) -> None:
    directory = run_town(tmp_path / "town")
    drawn = (directory / "map.html").read_bytes()
    (directory / "map.html").unlink()
    assert Store.open(directory).map_html == drawn


# --- Description ----------------------------------------------------------------------------------------------------

def test_openapi_describes_every_answer(client: TestClient) -> None:
    schema = get(client, "/openapi.json")
    names = set(schema["components"]["schemas"])
    assert {"Gaps", "Gap", "Townships", "Layers", "ServiceAreas"} <= names
    assert {ref.rsplit("/", 1)[1] for ref in re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(schema))} <= names
    for path, operation in ((path, one) for path, item in schema["paths"].items() for one in item.values()):
        answers = operation["responses"]
        assert list(answers["400"]["content"]) == ["application/problem+json"], path
        if operation.get("parameters"):
            assert list(answers["422"]["content"]) == ["application/problem+json"], path
            assert all(parameter["description"] for parameter in operation["parameters"]), path
    content = schema["paths"]["/gaps"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/csv"}
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Gaps"}
    assert list(schema["paths"]["/service-areas"]["get"]["responses"]["200"]["content"]) == ["application/geo+json"]


def test_guide_fetches_nothing_and_names_every_route(client: TestClient) -> None:
    text = client.get("/docs").text
    assert not re.search(r"<script|<link|<img|https?://", text.replace('<link rel="icon" href="data:,">', ""))
    assert NOTICE in text
    for path, item in get(client, "/openapi.json")["paths"].items():
        for method in item:
            assert f"<code>{method.upper()} {path}</code>" in text
