"""Keep the words of the map, in Chinese and English."""

from __future__ import annotations

from typing import Any

#: Every map, sheet and page with a modelled input shows this.
MODEL_MARK = "模型数据，非现状"
#: Shown until the run file gives a map approval number; it is never made up.
NOT_APPROVED = "内部工作图，未经审图，不得公开"

_ZH: dict[str, Any] = {
    "priority": "重点人群", "basis_priority": "口径：各村上报的重点人群数", "priority_group": "人群",
    "priority_gap": "叠加缺口", "priority_out": "圈外估算", "per_km2": "人/km²", "per_1000": "人/千居民",
    "priority_density": "乡镇（街道）密度，人/km²", "priority_places_note": "圆面积随人数",
    "priority_reached": "多数已覆盖，或不评价", "hidden": "<10 或连带隐去",
    "hidden_note": "不足 10 人不公开；为防推算，连带隐去其他数，均记作“不公开”",
    "priority_table": ["人群", "人数", "人/km²", "人/千居民"],
    "circle_all": "全部服务", "all_rate": "服务齐全人口", "services_mean": "人均可及服务", "services": "类",
    "completes": "补上后新增齐全人口最多", "binding": "首要短板", "lacks_none": "无",
    "townships_all": "乡镇（街道）服务齐全人口",
    "basis_all": "口径：全体常住人口，各服务按其时限",
    "lack_table": ["服务", "缺该服务", "仅缺该服务"],
    "all_of": {"in_time": "多数服务齐全", "out": "多数有缺", "undetermined": "多数待核", "none": "无人口"},
    "scenario": "情景",
    "title": "公共服务圈", "model": MODEL_MARK, "not_approved": NOT_APPROVED,
    "approval": "审图号", "date": "数据截止", "run": "运行编号", "basis": "口径：人口",
    "drawn": "制图", "crs": "量算坐标系", "north": "北",
    "service": "服务类型", "shown": "图例与图层", "search": "查找乡镇、村（社区）", "collapse": "收起或展开图例",
    "rule": "时限", "minutes": "分钟", "rate": "覆盖率", "out": "未覆盖", "undetermined": "待核", "in_time": "已覆盖",
    "people": "人口", "m2": "人均面积", "m2_unit": "m²/人", "target": "标准", "verdict": "判定",
    "no_rule": "不按时间评价",
    "townships": "乡镇（街道）覆盖率", "townships_m2": "乡镇（街道）人均面积",
    "townships_short": "乡镇（街道）", "reach_share": "覆盖率达到",
    "circles": "服务圈", "circles_note": "时限内可到达的范围", "places": "村（社区）", "places_note": "圆面积随人口",
    "facilities": "设施", "outside": "区外", "unjoined": "未接入路网", "ground": "道路、水系", "names": "地名",
    "mostly": {"in_time": "多数已覆盖", "out": "多数未覆盖", "undetermined": "多数待核", "none": "无人口",
               "hidden": "覆盖情况不公开"},
    "counts": {"place": "个", "people": "人", "facility": "处", "township": "个"},
    "units": {"person": "人", "people": "人", "facility": "处", "unit": "个", "m2": "m²", "beds": "床",
              "places": "托位"},
    "unit_names": {"place": "村（社区）", "community": "社区", "village": "村", "township": "乡镇（街道）",
                   "district": "区"},
    "presence": "配置率", "lacking": "缺",
    "status": {"existing": "现状", "building": "在建", "planned": "规划"},
    "class": {"urban": "城镇", "rural": "乡村"},
    "mode": {"walk": "步行", "walk_elder": "步行（老年人）", "walk_child": "步行（携幼儿）", "bicycle": "自行车",
             "ebike": "电动自行车", "motorcycle": "摩托车", "car": "小汽车"},
    "group": {"all": "常住人口", "60plus": "60岁及以上人口", "65plus": "65岁及以上人口", "80plus": "80岁及以上人口",
              "0_2": "0—2岁人口", "0_14": "0—14岁人口"},
    "cause": {"no_facility": "无设施", "too_far": "超时限", "full": "容量不足", "off_network": "未接入路网",
              "no_data": "缺数据"},
    "kind": {"reach": "可达", "presence": "配置", "capacity": "容量", "area": "面积"},
    "verdicts": {"met": "达标", "not_met": "未达标", "unsure": "存疑", "undecided": "标准未定", "no_data": "缺数据"},
    "quality": {"surveyed": "实测", "register": "台账", "osm": "OSM", "derived": "推算", "model": "模型"},
    "place_table": ["服务", "未覆盖", "待核", "分钟", "最近设施", "原因"],
    "place_table_note": "分钟、最近设施：未覆盖人口的中位数与多数",
    "doubt": "数据有疑点", "doubt_count": "数据有疑点，数字是影响这项服务的提示条数；点开乡镇（街道）看是哪几条",
    "more": "另有", "list": "；",
    "township_table": ["服务", "覆盖率", "未覆盖", "待核", "人均面积", "判定"],
    "levels": {
        "village_clinic": "村卫生室", "community_health_station": "社区卫生服务站", "township_hospital": "乡镇卫生院",
        "community_health_centre": "社区卫生服务中心", "corner": "运动角", "court": "球场", "field": "运动场地",
        "centre": "体育中心", "complex": "社区养老服务综合体", "day_care": "日间照料中心", "station": "养老服务驿站",
        "childcare_centre": "托育服务中心", "nursery": "托育园", "urgent": "紧急避难场所", "short": "短期避难场所",
        "long": "长期避难场所",
    },
    "level": "类别", "capacity": "容量", "area": "面积", "effective": "有效面积",
    "unknown": "未知", "snap": "接入路网", "layer": "服务",
    "source": "来源", "need": "应有", "have": "现有", "short": "缺口", "merged": "合并自", "unreachable": "不可达",
    "lead": "责任单位", "worst": "最远", "few": "不公开", "none": "—", "no_data": "缺数据", "id": "编号",
    "total": "全区", "total_rate": "全区覆盖率", "separator": "，", "colon": "：",
}

_EN: dict[str, Any] = {
    "priority": "Priority groups", "basis_priority": "basis: counts reported per village", "priority_group": "Group",
    "priority_gap": "Gaps of", "priority_out": "out of time (estimate)", "per_km2": "people/km²",
    "per_1000": "per 1,000 residents", "priority_density": "People per km² by township",
    "priority_places_note": "disc area by people", "priority_reached": "mostly in time, or not judged",
    "hidden": "<10, or hidden with it",
    "hidden_note": "Counts below 10 are not shown; others that would tell them are hidden too, and marked so",
    "priority_table": ["Group", "People", "per km²", "per 1,000"],
    "circle_all": "All services", "all_rate": "People with all services", "services_mean": "Mean services in time",
    "services": "services", "completes": "Would complete most people", "binding": "Binding service",
    "lacks_none": "none",
    "townships_all": "People with all services by township",
    "basis_all": "basis: all residents, each service by its own limit",
    "lack_table": ["Service", "Lack it", "Lack only it"],
    "all_of": {"in_time": "most have all", "out": "most lack some", "undetermined": "mostly undetermined",
               "none": "nobody"},
    "scenario": "Scenario",
    "title": "service circles", "model": f"{MODEL_MARK} (model data, not real)",
    "not_approved": f"Internal working map, not approved, not for publication ({NOT_APPROVED})",
    "approval": "Map approval no.", "date": "data of", "run": "run", "basis": "basis: people", "drawn": "drawn by",
    "crs": "measured in", "north": "N", "service": "Service", "shown": "Legend and layers",
    "search": "Find a township or village", "collapse": "Fold or unfold the legend", "rule": "In time",
    "minutes": "min", "rate": "Coverage", "out": "Out", "undetermined": "Undetermined", "in_time": "In time",
    "people": "People", "m2": "Area per head", "m2_unit": "m²", "target": "target", "verdict": "Verdict",
    "no_rule": "not judged by time", "townships": "Coverage by township",
    "townships_m2": "Area per head by township", "townships_short": "townships",
    "reach_share": "Coverage of at least", "circles": "Service circles", "circles_note": "within the time limit",
    "places": "Villages and communities", "places_note": "disc area by people", "facilities": "Facilities",
    "outside": "outside", "unjoined": "not joined to a road", "ground": "Roads and water", "names": "Names",
    "mostly": {"in_time": "mostly in time", "out": "mostly out", "undetermined": "mostly undetermined",
               "none": "nobody", "hidden": "coverage hidden"},
    "counts": {"place": "", "people": "people", "facility": "", "township": ""},
    "units": {"person": "people", "facility": "", "unit": "", "m2": "m²"},
    "unit_names": {"place": "villages and communities", "community": "communities", "village": "villages",
                   "township": "townships", "district": "district"},
    "presence": "Have their own", "lacking": "lack",
    "status": {"existing": "existing", "building": "being built", "planned": "planned"},
    "class": {"urban": "urban", "rural": "rural"},
    "mode": {"walk": "walking", "walk_elder": "walking (elders)", "walk_child": "walking (with a child)",
             "bicycle": "bicycle", "ebike": "e-bike", "motorcycle": "motorcycle", "car": "car"},
    "group": {"all": "residents", "60plus": "people of 60 and over", "65plus": "people of 65 and over",
              "80plus": "people of 80 and over", "0_2": "children of 0-2", "0_14": "children of 0-14"},
    "cause": {"no_facility": "no facility", "too_far": "too far", "full": "full", "off_network": "off the network",
              "no_data": "no data"},
    "kind": {"reach": "reach", "presence": "presence", "capacity": "capacity", "area": "area"},
    "verdicts": {"met": "met", "not_met": "not met", "unsure": "unsure", "undecided": "undecided",
                 "no_data": "no data"},
    "quality": {"surveyed": "surveyed", "register": "register", "osm": "OSM", "derived": "derived", "model": "model"},
    "place_table": ["Service", "Out", "Undet.", "Minutes", "Nearest", "Cause"],
    "place_table_note": "Minutes and nearest: median and most of the people out",
    "doubt": "Data in doubt",
    "doubt_count": "data in doubt; the number counts the findings on the service; click a township to read them",
    "more": "and more:", "list": "; ",
    "township_table": ["Service", "Coverage", "Out", "Undet.", "m² per head", "Verdict"],
    "levels": {
        "village_clinic": "village clinic", "community_health_station": "community health station",
        "township_hospital": "township hospital", "community_health_centre": "community health centre",
        "corner": "sports corner", "day_care": "day care", "childcare_centre": "childcare centre",
        "urgent": "urgent shelter", "short": "short-term shelter", "long": "long-term shelter",
    },
    "level": "Level", "capacity": "Capacity", "area": "Area", "effective": "Effective area",
    "unknown": "unknown", "snap": "to the road",
    "layer": "Service", "source": "Source", "need": "due", "have": "there", "short": "short", "merged": "merged from",
    "unreachable": "unreachable", "lead": "Lead unit", "worst": "worst", "few": "hidden", "none": "–",
    "no_data": "no data", "id": "Id", "total": "total", "total_rate": "District coverage",
    "separator": ", ", "colon": ": ",
}

WORDS: dict[str, dict[str, Any]] = {"zh": _ZH, "en": _EN}


def words(language: str) -> dict[str, Any]:
    """Give the words of a language; English where it is not known."""
    return WORDS.get(language, _EN)


def scenario_title(record: dict[str, Any] | None) -> str:
    """Give the name of a run's scenario with its year; blank where the run has none."""
    if not record:
        return ""
    return f"{record['name']}, {record['year']}" if record.get("year") else str(record["name"])
