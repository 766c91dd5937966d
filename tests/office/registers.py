"""What the office's files hold: its forms, its words, its habits that are odd and right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import geopandas as gpd

from .county import CRS, LAYERS, TOWNSHIPS, County, Facility

Rows = list[list[Any]]

REGISTER, CHILDCARE, ELDERLY = "公共服务设施台账.xlsx", "托育机构.csv", "养老设施.shp"
SHELTERS, HOSPITALS = "避难场所.csv", "乡镇卫生院.xlsx"
VILLAGES, TOTALS = "村社区人口名册.xlsx", "乡镇常住人口.xlsx"
TOWNSHIP_AREAS, PLACE_AREAS = "乡镇界.geojson", "村社区界.geojson"
ROADS, RIVER, HEIGHTS = "道路.gpkg", "水系.geojson", "高程.tif"
RUN_FILE, POLICY = "示例区.toml", "判定规则.toml"

WIDE_NAME = "示例Ａ区（东）运动角００２"
STATUS_ZH = {"existing": "已建", "building": "在建", "planned": "拟建"}

#: A second sheet of the register that tells how to fill in the first.
GUIDE: Rows = [["项目", "填写要求"], ["类别", "卫生室、运动角"], ["坐标系", "GCJ-02"], ["状态", "已建、在建、拟建"]]

_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")

#: Odd and right, in the register: facility, column -> how the office writes the plain value.
_ODD: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("WS002", "状态（已建/在建/拟建）"): lambda _: "正常", ("WS006", "状态（已建/在建/拟建）"): lambda _: "运营中",
    ("YD002", "名称"): lambda _: WIDE_NAME, ("WS009", "名称"): lambda name: f"{name}　",
    ("WS010", "乡镇（街道）"): lambda name: f"{name} ", ("YD005", "建筑面积"): lambda area: f"约{area}㎡",
    ("YD006", "建筑面积"): lambda area: str(area).translate(_WIDE), ("YD008", "经度"): str, ("YD008", "纬度"): str,
    ("WS007", "容量(床)"): lambda beds: str(beds).translate(_WIDE),
}


def _named(county: County, *layers: str) -> list[Facility]:
    return [item for item in county.facilities if item.layer in layers]


def register_rows(county: County) -> Rows:
    """Two lines of title, a head in two tiers, clinics and corners by township with subtotals, a total, signatures."""
    head = [["示例区公共服务设施现状台账"], ["填报单位：示例区某某局　数据截止日期：2025年6月30日　坐标来源：高德地图"],
            ["编号", "名称", "类别", "层级", "乡镇（街道）", "村（社区）", "坐标", None, None, "面积（㎡）", None,
             "容量(床)", "状态（已建/在建/拟建）", "投用年份", "开放时间", "地址", "权属", "数据来源", "核实日期"],
            [None] * 6 + ["经度", "纬度", "坐标系", "建筑面积", "有效面积"] + [None] * 8]
    rows: Rows = []
    items = sorted(_named(county, "clinics", "sports_corners"), key=lambda item: (item.township_code, item.facility_id))
    for code, (township, _) in TOWNSHIPS.items():
        mine = [item for item in items if item.township_code == code]
        rows += [_register_row(item) for item in mine]
        rows.append(_sum_row("小计", township, mine))
    rows.insert(12, [None] * 19)  # a blank line, as left by someone who took a row out
    rows.append(_sum_row("合计", None, items))
    rows.append(["填报人：示例甲", None, None, "审核人：示例乙"] + [None] * 15)
    return head + rows


def _sum_row(word: str, township: str | None, items: list[Facility]) -> list[Any]:
    return [word, township, f"{len(items)}处"] + [None] * 6 + [sum(item.area_m2 for item in items)] + [None] * 9


def _register_row(item: Facility) -> list[Any]:
    category = "卫生室" if item.layer == "clinics" else "运动角"
    plain = {
        "编号": item.facility_id, "名称": item.name, "类别": category, "层级": item.level,
        "乡镇（街道）": TOWNSHIPS[item.township_code][0], "村（社区）": item.place, "经度": item.written[0],
        "纬度": item.written[1], "坐标系": "GCJ-02", "建筑面积": item.area_m2, "有效面积": None,
        "容量(床)": item.capacity, "状态（已建/在建/拟建）": STATUS_ZH[item.status], "投用年份": item.opens_year,
        "开放时间": dt.time(7) if category == "卫生室" else "07:00",
        "地址": f"{item.place}示例路{item.facility_id[2:]}号", "权属": "公办",
        "数据来源": "示例区普查", "核实日期": "2025-06-20",
    }
    return [_ODD.get((item.facility_id, column), _as_it_is)(value) for column, value in plain.items()]


def _as_it_is(value: Any) -> Any:
    return value


def childcare_rows(county: County) -> Rows:
    """The export of a platform: one head, Baidu degrees, two lines of nothing but commas at the end."""
    head = ["序号", "编号", "名称", "层级", "乡镇(街道)", "村(社区)", "经度", "纬度", "容量(托位)", "建筑面积", "状态",
            "投用年份"]
    rows = [[str(number), item.facility_id, item.name, item.level, TOWNSHIPS[item.township_code][0], item.place,
             f"{item.written[0]:.6f}", f"{item.written[1]:.6f}", str(item.capacity), str(item.area_m2),
             STATUS_ZH[item.status], str(item.opens_year)]
            for number, item in enumerate(_named(county, "childcare"), 1)]
    return [head, *rows, [""] * len(head), [""] * len(head)]


def shelter_rows(county: County) -> Rows:
    """Survey degrees whose two headings stand over each other's column; areas with a comma for the thousands."""
    head = ["编号", "名称", "层级", "乡镇", "村（社区）", "经度", "纬度", "占地面积", "有效面积", "容量（人）", "状态",
            "投用年份"]
    rows = [[item.facility_id, item.name, item.level, TOWNSHIPS[item.township_code][0], item.place,
             f"{item.written[1]:.6f}", f"{item.written[0]:.6f}", f"{item.area_m2:,}", f"{item.effective_area_m2}",
             str(item.capacity), STATUS_ZH[item.status], str(item.opens_year)] for item in _named(county, "shelters")]
    return [head, *rows]


def hospital_rows(county: County) -> Rows:
    """A small list of the township hospitals."""
    head = ["编号", "名称", "层级", "乡镇(街道)", "经度", "纬度", "容量(床)", "建筑面积", "状态", "投用年份"]
    return [head, *[[item.facility_id, item.name, item.level, TOWNSHIPS[item.township_code][0], *item.written,
                     item.capacity, item.area_m2, "已建", item.opens_year] for item in _named(county, "hospitals")]]


def elderly_layer(county: County) -> gpd.GeoDataFrame:
    """Points in metres, with names of columns that fit the ten bytes of a shapefile."""
    items = _named(county, "elderly_care")
    rows = [{"编号": item.facility_id, "名称": item.name, "层级": item.level,
             "乡镇": TOWNSHIPS[item.township_code][0], "床位数": float(item.capacity or 0),
             "建筑面积": float(item.area_m2), "状态": STATUS_ZH[item.status], "投用年份": float(item.opens_year)}
            for item in items]
    return gpd.GeoDataFrame(rows, geometry=gpd.points_from_xy(*zip(*(item.written for item in items), strict=True)),
                            crs=CRS)


def village_rows(county: County) -> Rows:
    """The list of villages: names only, no code; two titles, a total, one figure written with a comma."""
    rows: Rows = [["示例区村（社区）人口名册"], ["单位：人　口径：常住人口　数据截止日期：2025年6月30日"],
                  ["序号", "乡镇（街道）", "村（社区）", "常住人口", "60岁及以上", "0-2岁"]]
    for number, item in enumerate(county.people, 1):
        people: Any = f"{item['population']:,}" if item["place"] == "合计坝村" else item["population"]
        rows.append([number, TOWNSHIPS[item["township_code"]][0], item["place"], people, item["population_60plus"],
                     item["population_0_2"]])
    sums = [sum(item[key] for item in county.people) for key in ("population", "population_60plus", "population_0_2")]
    return [*rows, ["合计", None, None, *sums]]


def total_rows(county: County) -> Rows:
    """The people of each township, again without codes."""
    rows: Rows = [["示例区各乡镇（街道）常住人口"], ["乡镇（街道）", "常住人口"]]
    for code, (township, _) in TOWNSHIPS.items():
        rows.append([township, sum(item["population"] for item in county.people if item["township_code"] == code)])
    return [*rows, ["总计", sum(item["population"] for item in county.people)]]


_LAYER_TABLES = f"""
[[facilities]]
layer = "clinics"
file = "{REGISTER}"
where = {{ "类别" = "卫生室" }}
datum = "gcj02"
columns = {{ opens_year = "投用年份" }}
quality = "register"

[[facilities]]
layer = "clinics"
file = "{HOSPITALS}"
datum = "wgs84"
columns = {{ opens_year = "投用年份" }}
quality = "register"

[[facilities]]
layer = "sports_corners"
file = "{REGISTER}"
where = {{ "类别" = "运动角" }}
datum = "gcj02"
columns = {{ opens_year = "投用年份" }}
quality = "register"

[[facilities]]
layer = "childcare"
file = "{CHILDCARE}"
datum = "bd09"
encoding = "gb18030"
columns = {{ opens_year = "投用年份" }}
quality = "register"

[[facilities]]
layer = "elderly_care"
file = "{ELDERLY}"
crs = "{CRS}"
columns = {{ capacity = "床位数", opens_year = "投用年份" }}
quality = "register"

[[facilities]]
layer = "shelters"
file = "{SHELTERS}"
datum = "cgcs2000"
columns = {{ lon = "纬度", lat = "经度", area_m2 = "占地面积", opens_year = "投用年份" }}
quality = "register"
"""


def run_file_text() -> str:
    """The office's run file; ``where`` tells the layers of one register apart by its column of categories."""
    return f"""# 示例区：虚构的区，仅供测试
[district]
name = "示例区"
code = "519998000000"
crs = "{CRS}"
data_date = "2025-06-30"

[boundaries]
file = "{TOWNSHIP_AREAS}"
places = "{PLACE_AREAS}"
quality = "register"

[people]
file = "{VILLAGES}"
totals = "{TOTALS}"
columns = {{ population = "常住人口", population_60plus = "60岁及以上", population_0_2 = "0-2岁" }}
quality = "register"

[barriers]
file = "{RIVER}"

[roads]
file = "{ROADS}"
elevation = "{HEIGHTS}"
columns = {{ class = "道路等级", maxspeed = "限速", bridge = "桥梁" }}
classes = {{ "机耕道" = "track" }}
quality = "surveyed"
{_LAYER_TABLES}
[policy]
file = "{POLICY}"

[surface]
cell_m = 100
"""


def policy_text() -> str:
    """The policy in the office's own words for the levels; everybody walks."""
    accepts = {"clinics": ["社区卫生服务站", "村卫生室", "乡镇卫生院"], **{
        layer: list(levels) for layer, (levels, _) in LAYERS.items() if layer not in ("clinics", "hospitals")}}
    groups = {"elderly_care": "60plus", "childcare": "0_2"}
    modes = {"elderly_care": "walk_elder", "childcare": "walk_child"}
    text = 'title = "示例区判定规则"\nsource = "示例"\n'
    for layer, levels in accepts.items():
        listed = ", ".join(f'"{level}"' for level in levels)
        text += f'\n[policy.{layer}]\ngroup = "{groups.get(layer, "all")}"\naccepts = [{listed}]\n'
        text += "m2_per_head = 2.0\n" if layer == "shelters" else ""
        for kind, minutes in (("urban", 15), ("rural", 30)):
            text += f'\n[policy.{layer}.{kind}]\ncutoff_min = {minutes}\nmode = "{modes.get(layer, "walk")}"\n'
    return text + """
[[policy.clinics.presence]]
unit = "village"
level = "村卫生室"
exempt_if = ["乡镇卫生院"]

[[policy.sports_corners.presence]]
unit = "place"
"""
