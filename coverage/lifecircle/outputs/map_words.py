"""Keep the words of the map's themes and cards, in Chinese and English."""

from __future__ import annotations

from typing import Any

THEMES_ZH: dict[str, Any] = {
    "theme": "专题", "figures": "全区数字", "close": "关闭", "zoom_in": "点击放大", "heap": "多处并为一个，放大后分开",
    "themes": {"reach": "可达", "rings": "15/30分钟圈", "gaps": "缺口", "area": "人均面积", "all": "全部服务",
               "plan": "规划指标", "priority": "重点人群", "sites": "建议选址", "scenario": "前后对比"},
    "list_title": "按乡镇（街道）列出", "list_unit": "乡镇（街道）",
    "basis_area": "口径：设施面积 ÷ 常住人口", "basis_rings": "口径：常住人口，各圈一律按其分钟",
    "basis_gaps": "口径：应有与现有之差", "basis_plan": "口径：各指标按规划文本",
    "basis_scenario": "口径：人口，按情景之后",
    "total_area": "全区人均", "below_target": "低于标准", "actual": "实际", "townships_plan": "乡镇（街道）判定",
    "rings_note": "服务圈按城镇、乡村时限分别取，15、30 分钟圈各处一律",
    "gap_kind": "缺口类型", "gap_marks": "缺口", "gaps_note": "面积随未覆盖人口，形状为原因",
    "gaps_short_note": "面积随缺口，形状为原因", "largest_gaps": "缺口最大", "gaps": "缺口", "other_gaps": "其他缺口",
    "plan_items": "规划指标（有数据）", "plan_table": ["指标", "实际", "目标", "判定"],
    "plan_units": {"share": "", "person": "人", "people": "人", "facility": "处", "m2/person": "m²/人", "points": "分",
                   "bed/person": "床/人", "place/person": "位/人", "township": "个", "village": "个", "place": "个",
                   "post": "个", "issues": "期", "project": "个", "school": "所", "group": "个", "event": "场",
                   "site": "处", "brand": "个", "estate": "个", "dwelling": "套", "station": "个", "line": "条",
                   "road": "条", "mu": "亩", "reservoir": "座", "ug/m3": "µg/m³", "person/10000": "人/万人",
                   "case": "件"},
    "township_table": ["服务", "覆盖率", "要求", "未覆盖", "待核", "人均面积/标准", "判定"],
    "township_table_note": "覆盖率旁为低—高区间：待核人口算作未覆盖、已覆盖；“—”为不评价或未定",
    "place_table": ["服务", "分钟", "时限", "时限内", "最近设施", "未覆盖", "待核", "原因"],
    "place_table_note": "分钟从居民点起算：本村（社区）人口重心最近的一个；原因：未覆盖人口的多数。",
    "route_note": "点服务名称看路线。", "route_from": "居民点", "route_whole": "全程", "route_walk": "其中步行",
    "route_back": "自设施出发", "data_quality": "数据质量", "compare_with": "与另一次运行的前后对比图：",
    "thinned": {
        "parts": "多边形共 {all} 个，为求流畅略去最小的 {left} 个", "coarse": "页面过大，图形按 {metres} 米简化",
        "routes_coarse": "页面过大，路线按 {metres} 米简化", "routes": "页面过大，未收入路线",
        "key": "底图未载入：环境变量 {name} 没有密钥"},
}

THEMES_EN: dict[str, Any] = {
    "theme": "Theme", "figures": "Figures of the district", "close": "Close", "zoom_in": "click to zoom in",
    "heap": "several as one until nearer",
    "themes": {"reach": "Reach", "rings": "15/30 minutes", "gaps": "Gaps", "area": "Area per head",
               "all": "All services", "plan": "Plan", "priority": "Priority groups", "sites": "Chosen sites",
               "scenario": "Before/after"},
    "list_title": "List by township", "list_unit": "Township",
    "basis_area": "basis: area of facilities ÷ residents", "basis_rings": "basis: residents, one limit everywhere",
    "basis_gaps": "basis: due less there", "basis_plan": "basis: as the plan defines each",
    "basis_scenario": "basis: people, after the scenario",
    "total_area": "District per head", "below_target": "Below the standard", "actual": "Actual",
    "townships_plan": "Verdict by township",
    "rings_note": "One line for each; the service circle takes the urban and the rural limit where each holds",
    "gap_kind": "Kind of gap", "gap_marks": "Gaps", "gaps_note": "area by people out, shape by cause",
    "gaps_short_note": "area by what is short, shape by cause", "largest_gaps": "Largest", "gaps": "Gaps",
    "other_gaps": "Other gaps",
    "plan_items": "Measures of the plan with data", "plan_table": ["Measure", "Actual", "Target", "Verdict"],
    "plan_units": {"share": "", "person": "people", "facility": "", "m2/person": "m² per head", "points": "points"},
    "township_table": ["Service", "Coverage", "Asked", "Out", "Undet.", "m² per head/target", "Verdict"],
    "township_table_note": "Beside a rate its interval: the undetermined counted out, and in; “–”: not judged, or open",
    "place_table": ["Service", "Minutes", "Limit", "In time", "Nearest", "Out", "Undet.", "Cause"],
    "place_table_note": "Minutes count from the point of residents nearest to the middle of the place's people; "
                        "cause: of most people out.",
    "route_note": "Click a service to see the way.", "route_from": "residents", "route_whole": "whole way",
    "route_walk": "on foot", "route_back": "from the facility", "data_quality": "data",
    "compare_with": "For before and after beside another run:",
    "thinned": {
        "parts": "{all} polygons; the smallest {left} are left out to keep the map quick",
        "coarse": "page too large: shapes simplified to {metres} m",
        "routes_coarse": "page too large: ways simplified to {metres} m", "routes": "page too large: ways left out",
        "key": "base map not loaded: no key in the environment variable {name}"},
}
