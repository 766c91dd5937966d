"""Give every theme a default style, so that QGIS opens the GeoPackage drawn and with Chinese field names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import geopandas as gpd
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.outputs.map_colours import EDGES, RAMPS
from lifecircle.outputs.map_text import MODEL_MARK, NOT_APPROVED, words

#: Field -> its name in QGIS; with a layer's key after it (``coverage_clinics``) the layer's label is added.
ALIASES: dict[str, str] = {
    "township_code": "乡镇代码", "township": "乡镇（街道）", "kind": "种类", "population": "人口",
    "place_code": "村（社区）代码", "place": "村（社区）", "class": "城乡", "urban_rural_code": "城乡分类代码",
    "merged_from": "合并自", "layer": "服务", "name": "名称", "level": "类别", "status": "状态", "capacity": "容量",
    "capacity_unit": "容量单位", "area_m2": "面积（m²）", "effective_area_m2": "有效面积（m²）",
    "people_allocated": "已分配人口", "load": "负荷率",
    "snap_m": "接入路网（m）", "joined": "已接入路网", "mode": "出行方式", "cutoff": "时限（分钟）",
    "area_km2": "面积（km²）", "people": "人口", "people_out": "未覆盖人口", "people_undetermined": "待核人口",
    "minutes_median": "中位分钟", "minutes_worst": "最远分钟", "minutes_over": "超出分钟",
    "nearest_facility": "最近设施", "cause": "原因", "quality": "数据质量", "lead_unit": "责任单位",
    "facility_id": "设施编号", "coverage": "覆盖率", "verdict": "判定", "m2_per_head": "人均面积（m²）",
    "residents": "常住人口", "services_due": "服务类数", "share_all": "服务齐全人口比例",
    "share_all_high": "服务齐全人口比例（含待核）", "services_mean": "人均可及服务类数",
    "binding_service": "首要短板服务", "share_lacking": "缺该服务人口比例",
    "candidate_id": "候选编号", "rank": "序号", "building": "所在建筑", "year": "年份", "group": "人群",
    "people_won": "新增覆盖人口", "people_alone": "单独建设新增", "people_last": "缺它则减少",
    "keep_share": "入选次数占比", "cost": "造价",
    "in_time": "已覆盖人口", "out": "未覆盖人口", "undetermined": "待核人口", "findings": "数据疑点数",
    "class_source": "城乡分类来源", "class_1xx": "城乡（1xx 为城镇）", "class_111_112": "城乡（仅 111、112 为城镇）",
    "class_streets": "城乡（仅街道为城镇）", "class_weak": "城乡分类存疑", "opens_year": "启用年份",
    "setting": "所在场所", "source": "来源", "inside": "在区内", "serves": "提供服务", "scenario": "情景",
    "metric": "指标", "need": "应有", "have": "现有", "short": "缺口", "unit": "单位", "road_class": "道路等级",
    "length_m": "长度（m）", "bridge": "桥梁", "places": "涉及村（社区）数", "way_ids": "道路编号", "lon": "经度",
    "lat": "纬度", "row": "行号", "edit": "修改编号", "demand_id": "居民点编号", "direction": "方向",
    "minutes": "分钟", "metres": "全程（m）", "walk_metres": "步行（m）",
}
#: Layer of the GeoPackage -> what a planner calls it.
LAYER_TITLES: dict[str, str] = {
    "townships": "乡镇（街道）", "places": "村（社区）", "facilities": "设施", "facility_outlines": "设施用地",
    "gaps": "缺口", "service_areas": "服务圈与等时圈", "ground": "道路、河流", "water": "水面",
    "critical_links": "关键路段", "changed_roads": "情景改动的道路", "sites": "建议选址", "routes": "到最近设施的路线",
}
_EXTENSION = "http://www.geopackage.org/spec121/#extension_metadata"
_METADATA_TABLES = f"""
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE gpkg_metadata (
  id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset',
  md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '');
CREATE TABLE gpkg_metadata_reference (
  reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
  timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
  CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
  CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id));
INSERT INTO gpkg_extensions VALUES
  ('gpkg_metadata', NULL, 'gpkg_metadata', '{_EXTENSION}', 'read-write'),
  ('gpkg_metadata_reference', NULL, 'gpkg_metadata', '{_EXTENSION}', 'read-write');
"""
#: Least and largest rate of each class, and its colour; those of the map.
_RATES = tuple((low, high, ",".join(str(int(colour[at:at + 2], 16)) for at in (1, 3, 5)))
               for (low, high), colour in zip(pairwise((*EDGES["rate"], 1.0)), RAMPS["rate"], strict=True))
#: Class of the ground, its name, colour and width in mm.
_GROUND: tuple[tuple[str, str, str, float], ...] = (
    ("water", "河流", "120,170,210,255", 0.6), ("tertiary", "三级道路", "190,186,178,255", 0.3),
    ("secondary", "二级道路", "176,170,160,255", 0.5), ("primary", "一级道路", "160,152,140,255", 0.7),
    ("trunk", "干线", "150,140,126,255", 0.8), ("motorway", "高速公路", "140,128,112,255", 1.0),
    ("", "其他道路", "205,202,196,255", 0.2),
)
_CLASS = "if(\"kind\" = 'water', 'water', replace(\"road_class\", '_link', ''))"
_LAYER_COLOURS = ("74,52,133", "32,120,100", "176,60,80", "60,110,180", "150,110,30", "90,90,90")
_DATE = "2000-01-01T00:00:00.000Z"
#: Layer -> the expression that names its features on the canvas, and the size of the name in points.
_NAMES: dict[str, tuple[str, float]] = {"townships": ('"township"', 10.0), "places": ('"place"', 7.0)}
#: Below this scale (1 : so many) villages have their names.
_PLACE_NAMES_SCALE = 60_000


def style_table(layers: dict[str, gpd.GeoDataFrame], assessment: Assessment) -> pd.DataFrame:
    """Give the rows of QGIS's table ``layer_styles``, a default per layer that has one kind of shape.

    Townships have one per service, to switch between.

    Parameters
    ----------
    layers : dict
        Name of the layer -> the table as written.
    assessment : Assessment
        For the layers' labels, and the mark of model data, which stands under the name of every township.
    """
    labels = {key: item.get("label_zh") or key for key, item in assessment.run["layers"].items()}
    mark = MODEL_MARK if assessment.run["quality"] == "model" else ""
    rows = [{"f_table_catalog": "", "f_table_schema": "", "f_table_name": name, "f_geometry_column": "geom",
             "styleName": style, "styleQML": _document(renderer, name, layers[name], labels, mark), "styleSLD": "",
             "useAsDefault": at == 0, "description": "lifecircle", "owner": "", "ui": "", "update_time": _DATE}
            for name in sorted(layers) if layers[name].geom_type.str.removeprefix("Multi").nunique() <= 1
            for at, (style, renderer) in enumerate(_renderers(name, layers[name], labels))]
    return pd.DataFrame(rows)


def _renderers(name: str, layer: gpd.GeoDataFrame, labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give name and renderer of the styles of a layer, the default first."""
    if name == "townships":
        rated = [key for key in labels if f"coverage_{key}" in layer.columns]
        yield from ((f"{labels[key]}·{ALIASES['coverage']}", _graduated(f"coverage_{key}")) for key in rated)
        if not rated:
            yield name, _single(_fill("0,0,0,0", "93,93,93,255", 0.4))
    elif name in ("facilities", "service_areas"):
        yield name, _by_layer(labels, name)
    elif name == "ground":
        yield name, _by_class()
    elif name in (single := {
            "places": _fill("0,0,0,0", "120,120,120,160", 0.2), "gaps": _marker("217,113,15,255", "circle", 2.0),
            "facility_outlines": _fill("74,52,133,50", "74,52,133,255", 0.3),
            "water": _fill("198,219,239,255", "158,188,218,255", 0.1),
            "critical_links": _line("178,34,52,220", 0.9), "changed_roads": _line("120,40,160,255", 1.1),
            "routes": _line("40,70,140,150", 0.4), "sites": _marker("120,40,160,255", "star", 5.0)}):
        yield name, _single(single[name])


def describe_layers(path: Path, layers: dict[str, gpd.GeoDataFrame], assessment: Assessment) -> None:
    """Tell QGIS, with each layer, where it comes from, what it may be used for, and whom to credit.

    QGIS reads them from the GeoPackage's own table of metadata (OGC 12-128r18, annex F.8).
    """
    run = assessment.run
    told = words("zh")
    notes = [f"{run['district']['name']} {told['title']}", MODEL_MARK if run["quality"] == "model" else "",
             f"{told['run']} {run['run_id']}", f"{told['crs']} {run['crs']}",
             f"{told['drawn']} lifecircle {run['lifecircle']}"]
    approval = run["district"].get("map_approval_number", "")
    rights = [f"{told['approval']} {approval}" if approval else NOT_APPROVED]
    if assessment.uses_osm:
        rights.append("© OpenStreetMap contributors (ODbL)")
    text = ("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'><qgis version=\"3.28.0\"><type>dataset</type>"
            f"<title>TITLE</title><abstract>{escape(' · '.join(filter(None, notes)))}</abstract>"
            + "".join(f"<rights>{escape(item)}</rights>" for item in rights) + "</qgis>")
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_METADATA_TABLES)
        for number, name in enumerate(sorted(layers), start=1):
            titled = text.replace("TITLE", escape(LAYER_TITLES.get(name, name)))
            database.execute("INSERT INTO gpkg_metadata VALUES (?, 'dataset', ?, 'text/xml', ?)",
                             (number, "http://mrcc.com/qgis.dtd", titled))
            database.execute("INSERT INTO gpkg_metadata_reference VALUES ('table', ?, NULL, NULL, ?, ?, NULL)",
                             (name, _DATE, number))


def alias(field: str, labels: dict[str, str]) -> str:
    """Name a field in Chinese; fields we do not know keep their own name."""
    for key, label in labels.items():
        if field.endswith(f"_{key}"):
            return f"{label}·{ALIASES.get(field.removesuffix(f'_{key}'), field)}"
    return ALIASES.get(field, field)


def _document(renderer: str, name: str, layer: gpd.GeoDataFrame, labels: dict[str, str], mark: str) -> str:
    fields = [field for field in layer.columns if field != layer.geometry.name]
    aliases = "".join(f"<alias index=\"{at}\" field={quoteattr(field)} name={quoteattr(alias(field, labels))}/>"
                      for at, field in enumerate(fields, start=1))
    named = name in _NAMES
    return ("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
            f"<qgis version=\"3.28.0\" styleCategories=\"Symbology|Labeling|Fields\" labelsEnabled=\"{named:d}\">"
            f"{renderer}{_labeling(name, mark) if named else ''}<aliases>{aliases}</aliases></qgis>")


def _labeling(name: str, mark: str) -> str:
    """Write the names beside the features, in a font that has Chinese on any desk, with a white rim."""
    text, points = _NAMES[name]
    if mark and name == "townships":
        text += f" || '\\n{mark}'"
    scale = f"scaleVisibility=\"1\" scaleMin=\"0\" scaleMax=\"{_PLACE_NAMES_SCALE}\"" if name == "places" else ""
    return ("<labeling type=\"simple\"><settings calloutType=\"simple\">"
            f"<text-style fieldName={quoteattr(text)} isExpression=\"1\" fontSize=\"{points}\" "
            "fontSizeUnit=\"Point\" "
            "fontFamily=\"Microsoft YaHei\" textColor=\"50,50,50,255\" multilineHeight=\"1\" capitalization=\"0\">"
            "<text-buffer bufferDraw=\"1\" bufferSize=\"0.8\" bufferSizeUnits=\"MM\" bufferColor=\"255,255,255,220\"/>"
            "</text-style><text-format multilineAlign=\"1\"/>"
            f"<placement placement=\"1\" centroidInside=\"1\" priority=\"{2 if scale else 10}\"/>"
            f"<rendering {scale} obstacle=\"0\"/></settings></labeling>")


def _options(**values: object) -> str:
    inner = "".join(f"<Option name=\"{name}\" type=\"QString\" value={quoteattr(str(value))}/>"
                    for name, value in values.items())
    return f"<Option type=\"Map\">{inner}</Option>"


def _symbol(kind: str, layer_class: str, options: str) -> str:
    return (f"<symbol type=\"{kind}\" name=\"NAME\" alpha=\"1\" clip_to_extent=\"1\" force_rhr=\"0\">"
            f"<layer class=\"{layer_class}\" enabled=\"1\" pass=\"0\" locked=\"0\">{options}</layer></symbol>")


def _fill(colour: str, outline: str, width_mm: float) -> str:
    return _symbol("fill", "SimpleFill", _options(color=colour, style="solid", outline_color=outline,
                                                  outline_style="solid", outline_width=width_mm,
                                                  outline_width_unit="MM"))


def _marker(colour: str, shape: str, size_mm: float) -> str:
    return _symbol("marker", "SimpleMarker", _options(color=colour, name=shape, size=size_mm, size_unit="MM",
                                                      outline_color="255,255,255,255", outline_width=0.2))


def _line(colour: str, width_mm: float) -> str:
    return _symbol("line", "SimpleLine", _options(line_color=colour, line_width=width_mm, line_width_unit="MM",
                                                  capstyle="round", joinstyle="round"))


def _named(symbols: list[str]) -> str:
    return "".join(symbol.replace('name="NAME"', f'name="{at}"', 1) for at, symbol in enumerate(symbols))


def _single(symbol: str) -> str:
    return f"<renderer-v2 type=\"singleSymbol\"><symbols>{_named([symbol])}</symbols></renderer-v2>"


def _graduated(column: str) -> str:
    """Colour townships by a rate."""
    ranges = "".join(
        f"<range lower=\"{low:.6f}\" upper=\"{high:.6f}\" symbol=\"{at}\" render=\"true\" "
        f"label=\"{low:.0%} – {high:.0%}\"/>" for at, (low, high, _) in enumerate(_RATES))
    symbols = _named([_fill(f"{colour},255", "93,93,93,255", 0.3) for *_, colour in _RATES])
    return (f"<renderer-v2 type=\"graduatedSymbol\" graduatedMethod=\"GraduatedColor\" attr={quoteattr(column)}>"
            f"<ranges>{ranges}</ranges><symbols>{symbols}</symbols></renderer-v2>")


def _by_class() -> str:
    """Draw larger roads wider; what has no class is water."""
    categories, symbols = [], []
    for at, (road_class, label, colour, width_mm) in enumerate(_GROUND):
        categories.append(f"<category value={quoteattr(road_class)} symbol=\"{at}\" render=\"true\" "
                          f"label={quoteattr(label)}/>")
        symbols.append(_line(colour, width_mm))
    return (f"<renderer-v2 type=\"categorizedSymbol\" attr={quoteattr(_CLASS)}>"
            f"<categories>{''.join(categories)}</categories><symbols>{_named(symbols)}</symbols></renderer-v2>")


def _by_layer(labels: dict[str, str], theme: str) -> str:
    """Give each service its own colour; of the service areas only the first service's circle is switched on."""
    areas = theme == "service_areas"
    categories, symbols = [], []
    for at, (key, label) in enumerate(labels.items()):
        colour = _LAYER_COLOURS[at % len(_LAYER_COLOURS)]
        value = f"{key} circle" if areas else key
        shown = "false" if areas and at else "true"
        categories.append(f"<category value={quoteattr(value)} symbol=\"{at}\" render=\"{shown}\" "
                          f"label={quoteattr(label)}/>")
        symbols.append(_fill(f"{colour},40", f"{colour},255", 0.4) if areas
                       else _marker(f"{colour},255", "diamond", 2.4))
    attribute = "\"layer\" || ' ' || \"kind\"" if areas else "layer"
    return (f"<renderer-v2 type=\"categorizedSymbol\" attr={quoteattr(attribute)}>"
            f"<categories>{''.join(categories)}</categories><symbols>{_named(symbols)}</symbols></renderer-v2>")
