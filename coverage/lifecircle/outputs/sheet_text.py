"""Keep the words of the workbook, in Chinese and English."""

from __future__ import annotations

import re
from typing import Any

from lifecircle.outputs.map_text import words
from lifecircle.outputs.qgis import ALIASES
from lifecircle.tables import GAPS_COLUMNS, SCORECARD_COLUMNS, SITES_COLUMNS

_SHEETS: dict[str, dict[str, str]] = {
    "zh": {"overview": "全区总览", "townships": "乡镇（街道）", "gaps": "缺口清单", "scorecard": "对照方案",
           "ranking": "排名", "sites": "建议选址", "facilities": "设施", "places": "村（社区）",
           "findings": "数据提示"},
    "en": {"overview": "District", "townships": "Townships", "gaps": "Gaps", "scorecard": "Plan", "ranking": "Ranking",
           "sites": "Chosen sites", "facilities": "Facilities", "places": "Places", "findings": "Findings"},
}
_COLUMNS: dict[str, str] = {
    **ALIASES,
    "layer": "服务", "group": "人群", "people": "人口", "people_in_time": "圈内人口", "people_out": "圈外人口",
    "people_undetermined": "待核人口", "coverage_rate": "覆盖率", "low": "下限", "high": "上限", "verdict": "判定",
    "area_per_head_m2": "人均面积（m²）", "area_target_m2": "人均标准（m²）", "area_verdict": "面积判定",
    "quality": "数据质量", "level": "类别", "kind": "种类", "metric": "口径", "scenario": "情景", "need": "应有",
    "have": "现有", "short": "缺口", "unit": "单位", "minutes_median": "中位分钟", "minutes_worst": "最远分钟",
    "minutes_over": "超出分钟", "nearest_facility": "最近设施", "cause": "原因", "lead_unit": "责任单位",
    "number": "条目", "measure": "指标键", "title": "指标", "priority": "优先级", "indicator": "指标代码",
    "target": "目标", "actual": "实际", "gap": "差距", "points": "得分", "weight": "权重", "satisfaction": "满意度",
    "year": "年份", "evidence": "依据", "wanted": "所缺数据", "indicator_score": "指标得分",
    "weight_with_data": "有数据的权重", "satisfaction_score": "满意度得分", "total": "总分", "grade": "等级",
    "ranked_by": "排名依据", "rank": "名次", "rank_low": "名次下限", "rank_high": "名次上限",
    "share_in_worst": "列入末位次数占比", "worst": "列入末位", "draws": "抽样次数", "status": "状态",
    "setting": "室内外", "opens_year": "启用年份", "inside": "区内", "serves": "提供服务", "source": "来源",
    "severity": "程度", "code": "代码", "message": "内容", "count": "数量",
    "file": "文件", "id": "编号", "remedy": "办法", "kept": "保留",
}
_VALUES = {"cause": "cause", "verdict": "verdicts", "area_verdict": "verdicts", "quality": "quality", "level": "levels",
           "status": "status", "class": "class", "group": "group", "mode": "mode", "kind": "kind"}
_METRICS = {"min": "分钟", "m2": "m²", "place": "村（社区）", "village": "村", "community": "社区",
            "township": "乡镇（街道）", "district": "区"}
_UNITS = {
    "person": "人", "facility": "处", "share": "比例", "unit": "个", "places": "托位", "beds": "床", "people": "人",
    "m2": "m²", "m2/person": "m²/人", "place/person": "位/人", "bed/person": "床/人", "person/10000": "人/万人",
    "points": "分", "site": "处", "dwelling": "套", "post": "个", "firm": "家", "estate": "个小区", "brand": "个",
    "village": "个村", "community": "个社区", "township": "个乡镇（街道）", "place": "个", "ug/m3": "µg/m³",
    "street": "条", "road": "条", "line": "条", "station": "个", "school": "所", "reservoir": "座", "project": "个",
    "mu": "亩", "market": "个", "issues": "期", "group": "个", "event": "次", "circle": "个", "case": "件",
}
_KINDS = {"place": "村（社区）", "road": "路边", "building": "已有建筑", "land": "地块", "spatial": "空间类",
          "not_spatial": "非空间类"}
_SEVERITIES = {"stop": "阻断", "warn": "警告", "note": "提示"}


def sheet_words(language: str) -> dict[str, Any]:
    """Give titles of sheets, heads of columns and words for codes in cells; English where a language is not known.

    Returns
    -------
    dict
        ``sheets`` and ``columns`` (key -> text), ``values`` (column -> code -> text), ``hidden``, ``unreachable``,
        ``yes`` (bool -> text).
    """
    told, chinese = words(language), language == "zh"
    names = {*_COLUMNS, *GAPS_COLUMNS, *SCORECARD_COLUMNS, *SITES_COLUMNS}
    columns = {name: _COLUMNS.get(name, name) if chinese else name.replace("_", " ") for name in names}
    values = {column: dict(told[key]) for column, key in _VALUES.items()}
    if chinese:
        values.update(severity=_SEVERITIES, scenario={"existing": "现状"}, metric=_METRICS, unit=_UNITS)
        values["class"]["all"] = values["level"]["all"] = values["mode"]["all"] = "全部"
        values["kind"].update(_KINDS)
    return {"sheets": _SHEETS.get(language, _SHEETS["en"]), "columns": columns, "values": values,
            "hidden": told["few"], "unreachable": told["unreachable"],
            "yes": {True: "是", False: "否"} if chinese else {True: "yes", False: "no"}}


#: What a measure waits for, as the scorecard says it -> in Chinese.
_WANTED: tuple[tuple[str, str], ...] = (
    (r'needs \[\[facilities\]\] layer = "([^"]*)"', r'需在运行文件中加入 [[facilities]] layer = "\1"'),
    (r'needs \[plan\] reported, rows with measure = "([^"]*)"', r'需在 [plan] reported 表中填报 measure = "\1" 的行'),
    (r"needs (\[\[policy\..*)", r"需在政策文件中设定 \1"),
    (r"needs indicator (\S+) of layer ([^,\s]+)", r"需要设施类 \2 的指标 \1"),
    (r"needs (\[.*)", r"需要 \1"),
    (r"nothing of the kind in this unit", "本单位无此类对象"),
    (r"the inputs give no figure for this unit, or one that is not shown", "输入数据未给出本单位的数值，或不公开"),
)


def wanted_text(text: str, language: str) -> str:
    """Say in the language of the report what a measure waits for; what the plan itself says stays as it is."""
    if language != "zh":
        return text
    for pattern, said in _WANTED:
        found = re.match(pattern, text)
        if found:
            return found.expand(said) + text[found.end():].replace(", ", "，", 1)
    return text
