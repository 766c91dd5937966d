"""Give every theme a default style, so that QGIS opens the GeoPackage drawn and with Chinese field names."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import geopandas as gpd
import pandas as pd

from lifecircle.assessment import Assessment

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
    "in_time": "已覆盖人口", "out": "未覆盖人口", "undetermined": "待核人口",
}
_RATES = ((0.0, 0.4, "242,179,118"), (0.4, 0.6, "249,217,180"), (0.6, 0.8, "243,239,230"), (0.8, 0.95, "195,220,238"),
          (0.95, 1.0, "141,187,221"))
_LAYER_COLOURS = ("74,52,133", "32,120,100", "176,60,80", "60,110,180", "150,110,30", "90,90,90")
_DATE = "2000-01-01T00:00:00.000Z"


def style_table(layers: dict[str, gpd.GeoDataFrame], assessment: Assessment) -> pd.DataFrame:
    """Give the rows of QGIS's table ``layer_styles``, one per layer that has one kind of shape.

    Parameters
    ----------
    layers : dict
        Name of the layer -> the table as written.
    assessment : Assessment
        For the layers' labels.
    """
    labels = {key: item.get("label_zh") or key for key, item in assessment.run["layers"].items()}
    renderers = {
        "townships": _graduated(layers["townships"]), "places": _single(_fill("0,0,0,0", "120,120,120,160", 0.2)),
        "facilities": _by_layer(labels, "facilities"), "service_areas": _by_layer(labels, "service_areas"),
        "gaps": _single(_marker("217,113,15,255", "circle", 2.0)),
        "sites": _single(_marker("120,40,160,255", "star", 5.0)),
    }
    rows = [{"f_table_catalog": "", "f_table_schema": "", "f_table_name": name, "f_geometry_column": "geom",
             "styleName": name, "styleQML": _document(renderer, layers[name], labels), "styleSLD": "",
             "useAsDefault": True, "description": "lifecircle", "owner": "", "ui": "", "update_time": _DATE}
            for name, renderer in sorted(renderers.items()) if name in layers
            and layers[name].geom_type.str.removeprefix("Multi").nunique() == 1]
    return pd.DataFrame(rows)


def alias(field: str, labels: dict[str, str]) -> str:
    """Name a field in Chinese; fields we do not know keep their own name."""
    for key, label in labels.items():
        if field.endswith(f"_{key}"):
            return f"{label}·{ALIASES.get(field.removesuffix(f'_{key}'), field)}"
    return ALIASES.get(field, field)


def _document(renderer: str, layer: gpd.GeoDataFrame, labels: dict[str, str]) -> str:
    fields = [name for name in layer.columns if name != layer.geometry.name]
    aliases = "".join(f"<alias index=\"{at}\" field={quoteattr(name)} name={quoteattr(alias(name, labels))}/>"
                      for at, name in enumerate(fields, start=1))
    return ("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
            f"<qgis version=\"3.28.0\" styleCategories=\"Symbology|Fields\">{renderer}"
            f"<aliases>{aliases}</aliases></qgis>")


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


def _named(symbols: list[str]) -> str:
    return "".join(symbol.replace('name="NAME"', f'name="{at}"', 1) for at, symbol in enumerate(symbols))


def _single(symbol: str) -> str:
    return f"<renderer-v2 type=\"singleSymbol\"><symbols>{_named([symbol])}</symbols></renderer-v2>"


def _graduated(townships: gpd.GeoDataFrame) -> str:
    """Colour townships by the coverage of the first layer that has one."""
    rated = [name for name in townships.columns if name.startswith("coverage_")]
    if not rated:
        return _single(_fill("0,0,0,0", "93,93,93,255", 0.4))
    ranges = "".join(
        f"<range lower=\"{low:.6f}\" upper=\"{high:.6f}\" symbol=\"{at}\" render=\"true\" "
        f"label=\"{low:.0%} – {high:.0%}\"/>" for at, (low, high, _) in enumerate(_RATES))
    symbols = _named([_fill(f"{colour},255", "93,93,93,255", 0.3) for *_, colour in _RATES])
    return (f"<renderer-v2 type=\"graduatedSymbol\" graduatedMethod=\"GraduatedColor\" attr={quoteattr(rated[0])}>"
            f"<ranges>{ranges}</ranges><symbols>{symbols}</symbols></renderer-v2>")


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
