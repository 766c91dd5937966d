"""Write small valid inputs of every format that lifecircle reads: what the fuzzer starts from."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

CRS = "EPSG:4545"
#: Two townships side by side, 106.70 to 106.80 E, 31.80 to 31.85 N.
BOXES = [shapely.box(106.70, 31.80, 106.75, 31.85), shapely.box(106.75, 31.80, 106.80, 31.85)]
CODES, NAMES = ["511902001000", "511902103000"], ["东城街道", "清江镇"]
PLACE_CODES, PLACES = ["511902001001", "511902103201"], ["甲社区", "乙村"]
#: A book of Excel 97 with the register below, packed; no package that we depend on writes one.
_XLS = (
    b"c-rk)O=uHA6#izjX?|?eq^4pkgix?*?Irc%rCoopJz1(3MTENf5kg~HLN4)QwdN=Yo)j;IB6z8K@rNoZUOWgDJro2XQSjnPQ1H-Z"
    b"ee-s=rkX<oTKt)BnYVA=y!Y*7=grIRzFdq{X76-Y@dJk7LCp%FrOqa(1>8;;G;Uc^b<cikmcn0!fS(q!#fycu7e2X$a=ok2a9e*$"
    b"5_m`LB&IMrna{*G5C?b;rjT<OBq?y6EFpC9tU6exSZ-!{i#;E*+{cznEC<QAB2Hk@8138ZWbtvWhsQ#Yy!SZf4O<fE#B-U&=PnD|"
    b"*NgpyteN{W2V#0F=0NK<lF4TZX0C!LE#Mr!SaIO9yHlUUm3?FF0%ZTX*6wRyzoO~DG^|sc;AJYVA3XK~o68vHS}WTo;Ix^_=CZ}o"
    b"cs5NTdGkz$9CMR-Da|4k-jq2-F2xdM@xcUTi7Ax<Qj$T*!n-`YW|y~d_P3Huqn-5#?}0GY@#UMJUL8)38RKl3=E`o@|Lt<huy9^R"
    b"P;iJxc-EAaKp#i!W_f{Gx3S*MGD<#l?j7rNl;IinxyYlvbe%nn*T#-IeJAPVk4Nsu%I}R`q|c93&qn8$j9K*1{Yg{2JZ8`@`o*=Y"
    b"5)TabESy^LmSxvZb;GZPow-}ipIkdu5M(vN((cK-BUXEwbFb{4hkBmXo=!d8VHORT1v7gcf5FUhJsx2z>5}=`4e7CvkaB<-C70HK"
    b"OJgpd!)33b-{I1jYl*oYGgpkchO`dcm4Q?zzat0*1qB5K1qB6#{{e!ZX6+|<-Fb$WPoqBPyUq%=n)*!g&*CU1=_t~R=^^ClTtKO*"
    b"{MiDpaJj@fW8CkB636K31xz5x^O$Hlf9dT`)c>A!2Zn#$7HanTwPxn|o3H;3{5sZU"
)
Files = dict[str, bytes]


def townships() -> gpd.GeoDataFrame:
    """Give the layer of townships."""
    return gpd.GeoDataFrame({"township_code": CODES, "township": NAMES}, geometry=BOXES, crs="EPSG:4326")


def register() -> pd.DataFrame:
    """Give a register of facilities with Chinese heads."""
    return pd.DataFrame({"编号": ["C1", "C2", "C3"], "名称": ["甲卫生室", "乙卫生室", "丙站"],
                         "经度": [106.72, 106.77, 106.78], "纬度": [31.82, 31.83, 31.84],
                         "建筑面积（㎡）": ["约200㎡", "1,234", "３５"], "床位数": [12, 7, 0],
                         "状态": ["现状", "在建", "规划"], "建成年份": [2015, 2026, 2030], "乡镇": [*NAMES, NAMES[1]]})


def facilities() -> gpd.GeoDataFrame:
    """Give facilities as a layer of points, a polygon and doors."""
    shapes = [shapely.Point(106.72, 31.82), shapely.box(106.77, 31.83, 106.771, 31.831),
              shapely.MultiPoint([(106.78, 31.84), (106.7801, 31.84)])]
    return gpd.GeoDataFrame({"facility_id": ["C1", "C2", "C3"], "name": ["甲", "乙", "丙"], "capacity": [12, 7, 0]},
                            geometry=shapes, crs="EPSG:4326")


def roads() -> gpd.GeoDataFrame:
    """Give three roads that meet."""
    lines = [[(106.70, 31.82), (106.75, 31.82), (106.79, 31.82)], [(106.75, 31.82), (106.75, 31.84)],
             [(106.75, 31.84), (106.79, 31.84)]]
    return gpd.GeoDataFrame({"class": ["县道", "村道", "residential"], "speed_kph": [40, 20, 30],
                             "oneway": ["", "是", "no"]}, geometry=[shapely.LineString(line) for line in lines],
                            crs="EPSG:4326")


def layer_seeds(suffix: str, folder: Path) -> list[tuple[str, Files]]:
    """Give each layer in a vector format: (role, files); the first file is the one that is named."""
    found = []
    for role, frame in (("facilities", facilities()), ("townships", townships()), ("roads", roads())):
        if suffix == ".kml" and role == "roads":
            continue
        if suffix == ".shp":  # one kind of geometry, and names of ten characters
            frame = frame.rename(columns={"township_code": "code", "facility_id": "编号"})
            frame = frame[frame.geom_type == "Point"] if role == "facilities" else frame
        where = folder / f"{role}{suffix}"
        if suffix == ".parquet":
            frame.to_parquet(where)
        elif suffix == ".kml":
            where.write_text(_kml(frame), encoding="utf-8")
        else:
            frame.to_file(where, **({"encoding": "GB18030"} if suffix == ".shp" else {}))
        files = {where.name: where.read_bytes()}
        files |= {item.name: item.read_bytes() for item in sorted(folder.glob(f"{role}.*")) if item != where}
        found.append((role, files))
        for name in files:
            (folder / name).unlink()
    return found


def _kml(frame: gpd.GeoDataFrame) -> str:
    marks = []
    for number, shape in enumerate(frame.geometry, start=1):
        ring = " ".join(f"{x},{y},5" for x, y in shapely.get_coordinates(shape))
        inside = {"Polygon": f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing>"
                             "</outerBoundaryIs></Polygon>",
                  "LineString": f"<LineString><coordinates>{ring}</coordinates></LineString>"}.get(
                      shape.geom_type, f"<Point><coordinates>{ring.split()[0]}</coordinates></Point>")
        data = "".join(f'<Data name="{name}"><value>{value}</value></Data>'
                       for name, value in frame.drop(columns="geometry").iloc[number - 1].items())
        marks.append(f"<Placemark><name>n{number}</name><ExtendedData>{data}</ExtendedData>{inside}</Placemark>")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
            + "\n".join(marks) + "</Document></kml>")


def csv_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a register and a table of totals, in two character sets."""
    totals = pd.DataFrame({"township_code": CODES, "乡镇": NAMES, "常住人口": ["1,200", "800"],
                           "60岁以上人口": [300, 250]})
    text, sums = register().to_csv(index=False), totals.to_csv(index=False)
    return [("facilities", {"a.csv": text.encode("utf-8-sig")}), ("facilities", {"a.csv": text.encode("gb18030")}),
            ("totals", {"a.csv": sums.encode()}), ("villages", {"a.csv": _villages().encode()})]


def _villages() -> str:
    table = pd.DataFrame({"村代码": PLACE_CODES, "村": PLACES, "乡镇": NAMES,
                          "城乡分类代码": [111, 220], "常住人口": ["1,200", 800], "60岁以上人口": [300, 250],
                          "经度": [106.72, 106.77], "纬度": [31.82, 31.83]})
    return table.to_csv(index=False)


def xlsx_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a register with a title over it, merged cells and a formula."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["卫生室台账"])
    sheet.merge_cells("A1:I1")
    for row in [list(register().columns), *register().astype(object).to_numpy().tolist()]:
        sheet.append(row)
    sheet["F5"] = "=F3+F4"
    target = io.BytesIO()
    book.save(target)
    return [("facilities", {"a.xlsx": target.getvalue()})]


def xls_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a register of two rows."""
    return [("facilities", {"a.xls": zlib.decompress(base64.b85decode(_XLS))})]


def ods_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a register as LibreOffice would write it."""
    cells = [list(register().columns), *register().astype(str).to_numpy().tolist()]
    rows = "".join("<table:table-row>" + "".join(
        f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row)
        + '<table:table-cell table:number-columns-repeated="1000"/></table:table-row>' for row in cells)
    content = ('<?xml version="1.0" encoding="UTF-8"?><office:document-content '
               'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
               'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
               'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" office:version="1.2"><office:body>'
               f'<office:spreadsheet><table:table table:name="a">{rows}</table:table></office:spreadsheet>'
               "</office:body></office:document-content>")
    manifest = ('<?xml version="1.0"?><manifest:manifest '
                'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>')
    return [("facilities", {"a.ods": pack({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
                                           "content.xml": content.encode(),
                                           "META-INF/manifest.xml": manifest.encode()})})]


def pack(members: dict[str, bytes]) -> bytes:
    """Give a zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def osm_text() -> str:
    """Give an extract with roads, a boundary, a pond, a place and a clinic."""
    at = [(106.70, 31.80), (106.75, 31.80), (106.75, 31.85), (106.70, 31.85), (106.71, 31.82), (106.74, 31.82),
          (106.74, 31.84)]
    nodes = [f'<node id="{number}" lon="{x}" lat="{y}" version="1"/>' for number, (x, y) in enumerate(at, start=1)]
    nodes.append('<node id="8" lon="106.72" lat="31.82" version="1"><tag k="amenity" v="clinic"/>'
                 '<tag k="name" v="甲"/></node>')
    nodes.append('<node id="9" lon="106.73" lat="31.83" version="1"><tag k="place" v="village"/></node>')
    ways = {1: ((1, 2, 3, 4, 1), {"natural": "water"}), 2: ((5, 6, 7), {"highway": "residential", "maxspeed": "40"}),
            3: ((7, 5), {"highway": "track", "oneway": "yes"}), 4: ((1, 2, 3, 4, 1), {}),
            5: ((1, 5), {"route": "ferry", "duration": "00:10"})}
    lines = [f'<way id="{number}" version="1">' + "".join(f'<nd ref="{ref}"/>' for ref in refs)
             + "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items()) + "</way>"
             for number, (refs, tags) in ways.items()]
    relation = ('<relation id="1" version="1"><member type="way" ref="4" role="outer"/><tag k="type" v="boundary"/>'
                '<tag k="boundary" v="administrative"/><tag k="admin_level" v="8"/><tag k="name" v="甲镇"/></relation>')
    return "\n".join(['<?xml version="1.0"?>', '<osm version="0.6">', *nodes, *lines, relation, "</osm>"])


def osm_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give the extract as XML, plain and packed."""
    return [("extract", {"a.osm": osm_text().encode()}), ("extract", {"a.osm.gz": gzip.compress(osm_text().encode())})]


def pbf_seeds(folder: Path) -> list[tuple[str, Files]]:
    """Give the extract as protocol buffers, with dense nodes and without."""
    import osmium

    found = []
    for options in ("pbf", "pbf,pbf_dense_nodes=false", "pbf,pbf_compression=none"):
        (folder / "seed.osm").write_text(osm_text(), encoding="utf-8")
        target = folder / "seed.osm.pbf"
        target.unlink(missing_ok=True)
        with osmium.SimpleWriter(osmium.io.File(str(target), options)) as writer:
            for item in osmium.FileProcessor(str(folder / "seed.osm")):
                writer.add(item)
        found.append(("extract", {"a.osm.pbf": target.read_bytes()}))
    for name in ("seed.osm", "seed.osm.pbf"):
        (folder / name).unlink()
    return found


def graphml_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a graph as OSMnx saves it."""
    keys = {"graph": ("crs",), "node": ("x", "y"), "edge": ("osmid", "highway", "oneway", "length", "reversed",
                                                           "maxspeed", "geometry")}
    heads = [f'<key id="{name}" for="{kind}" attr.name="{name}" attr.type="string"/>'
             for kind, names in keys.items() for name in names]
    nodes = [f'<node id="{number}"><data key="x">{106.71 + number / 100}</data><data key="y">31.82</data></node>'
             for number in range(1, 4)]
    edges = [f'<edge source="{a}" target="{b}" id="0"><data key="osmid">{word}</data><data key="highway">residential'
             f'</data><data key="oneway">False</data><data key="length">946.5</data><data key="reversed">False</data>'
             "</edge>" for a, b, word in ((1, 2, "5"), (2, 1, "5"), (2, 3, "[5, 6]"))]
    return [("graphml", {"a.graphml": "\n".join(
        ['<?xml version="1.0" encoding="utf-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">', *heads,
         '<graph edgedefault="directed"><data key="crs">epsg:4326</data>', *nodes, *edges,
         "</graph></graphml>"]).encode()})]


def tif_seeds(folder: Path) -> list[tuple[str, Files]]:
    """Give heights, and people per cell packed by deflate."""
    import rasterio
    from rasterio.transform import from_origin

    found = []
    for role, options in (("heights", {"nodata": -32768}), ("people", {"compress": "deflate", "nodata": -1})):
        target = folder / "seed.tif"
        with rasterio.open(target, "w", driver="GTiff", height=12, width=20, count=1, dtype="float32", crs="EPSG:4326",
                           transform=from_origin(106.70, 31.86, 0.005, 0.005), **options) as raster:
            raster.write(np.arange(240, dtype="float32").reshape(12, 20), 1)
        found.append((role, {"a.tif": target.read_bytes()}))
        target.unlink()
    return found


def hgt_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a tile of three seconds, plain and packed."""
    heights = np.tile(np.arange(1201, dtype=">i2"), (1201, 1))
    heights[5, 5:9] = -32768
    return [("heights", {"N31E106.hgt": heights.tobytes()}),
            ("heights", {"N31E106.hgt.zip": pack({"N31E106.hgt": heights.tobytes()})})]


def toml_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a run file."""
    text = """[district]
name = "小镇"
code = "511902000000"
crs = "EPSG:4545"
buffer_m = 500
[boundaries]
file = "townships.geojson"
classes = { file = "classes.csv", year = 2023 }
[people]
file = "people.csv"
shares = { population_60plus = 0.2 }
[people.scenarios.spring]
factor = 1.5
[roads]
file = "roads.geojson"
classes = { "大路" = "tertiary" }
[[facilities]]
layer = "clinics"
file = "clinics.csv"
columns = { name = "名称" }
where = { "类别" = ["卫生室"] }
datum = "gcj02"
[policy.clinics]
urban = { cutoff_min = 15, mode = "walk", pass_share = "" }
rural = false
[surface]
cell_m = 50
[uncertainty]
draws = 10
"""
    return [("runfile", {"a.toml": text.encode()})]


def policy_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a policy."""
    text = """title = "政策"
class_rule = "111_112"
township_pass_shares = [0.8, 1.0]
[policy.clinics]
label_zh = "诊所"
direction = "worse"
accepts = ["a", "b"]
urban = { cutoff_min = 15, mode = "walk", pass_share = 0.9, beside = ["car"] }
rural = { cutoff_min = 30 }
presence = [{ unit = "village", level = "all" }]
[policy.shelters]
m2_per_head = 2.0
reach = false
[modes.walk]
speeds_kph = { residential = 4.5 }
snap_limit_m = 300
slope = "none"
"""
    return [("policy", {"a.toml": text.encode()})]


PLAN = """title = "计划"
draft = true
[score]
indicator_share = 0.7
grades = [{ word = "优", points = 90 }, { word = "良", points = 75.5 }]
worst = 5
draws = 100
[[item]]
number = 1
title = "十五分钟就医圈"
lead_unit = "卫健局"
[[item.measure]]
key = "clinic_coverage"
title = "覆盖率"
kind = "computed"
priority = "P1"
target = 0.9
layer = "clinics"
indicator = "coverage_rate"
class = "urban"
cutoff = 15.0
[[item.measure]]
key = "fitness_share"
title = "达标率"
kind = "reported"
target = 1
unit = "share"
[[item]]
number = 0
title = "其他"
[[item.measure]]
key = "doctors"
title = "医生"
kind = "not_spatial"
reason = "人员指标"
sums = true
per_10000 = "all"
direction = "at_most"
weight = 2.5
"""


def plan_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a plan with weights of its own, and weights to be laid over it."""
    weights = b'clinic_coverage = 3\n"fitness_share" = 0.5\ndoctors = 0\n'
    return [("plan", {"a.toml": PLAN.encode()}), ("weights", {"weights.toml": weights, "plan.toml": PLAN.encode()})]


def scenario_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give a scenario with every kind of edit, as TOML and as GeoJSON."""
    ring = [[106.7, 31.8], [106.8, 31.8], [106.8, 31.9], [106.7, 31.8]]
    text = (f'name = "a"\nyear = 2026\ndatum = "gcj02"\n[[open]]\nlayer = "clinics"\nname = "甲"\n'
            f'lon = 106.7\nlat = 31.8\ncapacity = 5\n[[close]]\n'
            f'facility = "C1"\nyear = 2027\n[[move]]\nlayer = "clinics"\nname = "乙"\n'
            f'lon = 106.7\nlat = 31.8\n[[change]]\nfacility = "C2"\narea_m2 = 30.5\n[[build]]\nline = {ring[:2]}\n'
            f'class = "track"\n[[upgrade]]\narea = {ring}\nclass = "primary"\n[[cut]]\nkind = "flood"\n'
            f'area = [{ring}]\nmodes = ["motor"]\n[speeds_kph.walk]\nfactor = 0.9\n')
    shapes = [({"edit": "open", "layer": "clinics", "name": "甲"}, "Point", ring[0]),
              ({"edit": "close", "facility": "C1"}, "Point", ring[0]), ({"edit": "build"}, "LineString", ring[:2]),
              ({"edit": "cut", "kind": "landslide"}, "MultiPolygon", [[ring]])]
    layer = {"type": "FeatureCollection", "year": 2025, "features": [
        {"type": "Feature", "properties": told, "geometry": {"type": kind, "coordinates": xy}}
        for told, kind, xy in shapes]}
    return [("scenario", {"a.toml": text.encode()}),
            ("scenario", {"a.geojson": json.dumps(layer, ensure_ascii=False).encode()})]


def reported_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give what offices report of the plan above, by code and by name, in two character sets."""
    told = pd.DataFrame({"measure": ["fitness_share", "fitness_share", "doctors", "satisfaction.1", "satisfaction"],
                         "township_code": [*CODES, "511902000000", CODES[0], CODES[1]],
                         "value": [0.85, "0.9", "1,234", 4.5, 3], "year": ["2024", "2025年", 2025, "", "2025.0"],
                         "source": ["体育局", "", "卫健局", "问卷", "问卷"]})
    named = told.assign(township_code=[*NAMES, "test", *NAMES]).rename(columns={"township_code": "乡镇"})
    return [("reported", {"a.csv": told.to_csv(index=False).encode("utf-8-sig")}),
            ("reported", {"a.csv": named.to_csv(index=False).encode("gb18030")})]


def circle_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give circles that list their places, and circles that are drawn."""
    told = pd.DataFrame({"circle_id": ["Q1", "Q2"], "name": ["一圈", "二圈"],
                         "place_codes": ["、".join(PLACE_CODES), PLACE_CODES[1]], "complex": ["C1", ""],
                         "day_care": ["C2、丙", "乙"], "station": ["", "C3"], "status": ["已建成", "规划"],
                         "year": ["2024", ""]})
    drawn = gpd.GeoDataFrame(told.assign(place_codes=["", PLACE_CODES[1]]), geometry=BOXES, crs="EPSG:4326")
    return [("circles", {"a.csv": told.to_csv(index=False).encode("utf-8-sig")}),
            ("circles", {"a.geojson": drawn.to_json().encode()})]


def priority_seeds(_folder: Path) -> list[tuple[str, Files]]:
    """Give counts of priority groups, by code and by name."""
    told = pd.DataFrame({"place_code": [*PLACE_CODES, PLACE_CODES[1]], "残疾人": [12, "1,003", 2],
                         "低保对象": ["30人", "", 0], "空巢老人": [7, 8.0, "０"]})
    named = told.assign(place_code=["甲社区", "乙村委会", "丙村"], 乡镇=[*NAMES, NAMES[1]]).rename(
        columns={"place_code": "村"})
    return [("priority", {"a.csv": told.to_csv(index=False).encode()}),
            ("priority", {"a.csv": named.to_csv(index=False).encode("gb18030")})]


SEEDS: dict[str, Callable[[Path], list[tuple[str, Files]]]] = {
    "csv": csv_seeds, "xlsx": xlsx_seeds, "xls": xls_seeds, "ods": ods_seeds,
    **{name: (lambda folder, name=name: layer_seeds(f".{name}", folder))
       for name in ("shp", "geojson", "gpkg", "kml", "parquet", "fgb")},
    "graphml": graphml_seeds, "osm xml": osm_seeds, "osm.pbf": pbf_seeds, "hgt": hgt_seeds, "tif": tif_seeds,
    "run file": toml_seeds, "policy": policy_seeds,
    "plan": plan_seeds, "scenario": scenario_seeds, "reported": reported_seeds,
    "circles": circle_seeds, "priority": priority_seeds,
}
