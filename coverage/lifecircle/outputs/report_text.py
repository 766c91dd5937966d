"""Keep the words of the Word report and the map sheets, in Chinese and English, and say figures in them."""

from __future__ import annotations

import math
from typing import Any

from lifecircle.outputs.map_text import words
from lifecircle.outputs.summary import half_up, rate_text

_ZH: dict[str, Any] = {
    "classes": "乡镇（街道）覆盖率", "classes_m2": "乡镇（街道）人均面积，m²",
    "lacking": "缺该服务的常住人口（含待核）", "lacking_people": "{people} 人",
    "classes_all": "乡镇（街道）服务齐全人口",
    "below": "＜ {high}", "between": "{low} — {high}", "above": "≥ {low}", "no_class": "缺数据",
    "hidden_class": "不公开",
    "district": "全区", "rate": "覆盖率 {rate}", "people": "{people} 人（{group}）",
    "out": "未覆盖 {out} 人", "undetermined": "待核 {undetermined} 人", "hidden_out": "未覆盖、待核人数不公开",
    "m2": "人均面积 {m2} m²，标准 {target} m²", "m2_bare": "人均面积 {m2} m²",
    "verdict": "判定：{verdict}", "verdict_m2": "面积判定：{verdict}", "lead": "责任单位：{lead}",
    "at": "覆盖率达到 {shares}% 的乡镇（街道）：{counts} 个", "doubts": "数据有疑点 {count} 条，见数据提示",
    "all": "服务齐全人口 {rate}", "mean": "人均可及服务 {mean} 类（共 {services} 类）",
    "rule": "{class} {minutes:g} 分钟（{mode}）", "no_rule": "不按时间评价", "quality": "数据质量：{quality}",
    "circle": "服务圈：时限内可到达的范围", "places": "村（社区），圆面积随人口", "facilities": "设施",
    "lines": "道路、水系", "roads": ("高速公路", "国省道", "县乡道"), "water": "水系",
    "inset_title": "城区放大图", "scale": "1:{scale:,}",
    "maker": "制图：lifecircle {version}　运行编号 {run}", "crs": "量算坐标系 {crs}　上方为坐标北",
    "paper": "按 {paper} 纸打印时的比例尺", "date": "数据截止 {date}", "basis": "口径：{group}",
    "site": "建议选址（{count} 处）", "site_line": "{rank} {name}（{township}）　新增 {won} 人",
    "site_line_hidden": "{rank} {name}（{township}）　新增人数不公开", "more": "另有 {count} 处，见 report.xlsx",
    "sites_title": "建议选址：{layers}", "north": "北",
    "facilities_here": "现状设施（本乡镇、街道）", "places_all": "村（社区），圆面积随人口",
    "numbers": "缺口清单中的序号",
}
_EN: dict[str, Any] = {
    "classes": "Coverage by township", "classes_m2": "m² per head by township",
    "lacking": "Residents who lack it (the undetermined among them)", "lacking_people": "{people}",
    "classes_all": "People with all services", "below": "< {high}", "between": "{low} to {high}", "above": "≥ {low}",
    "no_class": "no data", "hidden_class": "hidden", "district": "District", "rate": "Coverage {rate}",
    "people": "{people} people ({group})", "out": "Out of time {out}", "undetermined": "Undetermined {undetermined}",
    "hidden_out": "Out and undetermined: hidden", "m2": "{m2} m² per head, target {target} m²",
    "m2_bare": "{m2} m² per head", "verdict": "Verdict: {verdict}", "verdict_m2": "Area: {verdict}",
    "lead": "Lead unit: {lead}", "at": "Townships at {shares} %: {counts}",
    "doubts": "Findings that cast doubt: {count}", "all": "People with all services {rate}",
    "mean": "Services in time, mean {mean} of {services}", "rule": "{class} {minutes:g} min ({mode})",
    "no_rule": "not judged by time", "quality": "Data quality: {quality}", "circle": "Service circle: within the limit",
    "places": "Places, area by people", "facilities": "Facilities", "lines": "Roads and water",
    "roads": ("Motorway", "Trunk, primary", "Other roads"), "water": "Water",
    "inset_title": "The town", "scale": "1:{scale:,}",
    "maker": "Drawn by lifecircle {version}, run {run}", "crs": "Measured in {crs}; grid north is up",
    "paper": "Scale when printed on {paper}", "date": "Data of {date}", "basis": "Basis: {group}",
    "site": "Chosen sites ({count})", "site_line": "{rank} {name} ({township}), wins {won}",
    "site_line_hidden": "{rank} {name} ({township}), gain hidden", "more": "{count} more in report.xlsx",
    "sites_title": "Chosen sites: {layers}", "north": "N",
    "facilities_here": "Existing facilities here", "places_all": "Places, disc area by people",
    "numbers": "row in the list of gaps",
}


def report_words(language: str) -> dict[str, Any]:
    """Give the words of a language; English where it is not known."""
    return _ZH if language == "zh" else _EN


def span_text(figures: dict[str, Any], language: str) -> str:
    """Say a rate with its interval; the word for hidden where it must not be told, a dash where nothing is known.

    Parameters
    ----------
    figures : dict
        ``rate``, ``low`` and ``high`` as `map_data.unit_figures` gives them: None where hidden.
    language : str
    """
    told = words(language)
    if "rate" not in figures:
        return str(told["none"])
    if figures["rate"] is None:
        return str(told["few"])
    low, high = figures.get("low"), figures.get("high")
    if low is None or high is None or rate_text(low) == rate_text(high):
        return rate_text(figures["rate"])
    return f"{rate_text(low)} — {rate_text(high)}" if language == "zh" else f"{rate_text(low)} to {rate_text(high)}"


def people_text(count: float | None, language: str) -> str:
    """Say a number of people; the word for hidden where it is None."""
    return str(words(language)["few"]) if count is None or math.isnan(count) else f"{half_up(count):,}"
