"""Keep the words of the Word report, in Chinese and English."""

from __future__ import annotations

from typing import Any

_ZH: dict[str, Any] = {
    "title": "{district}公共服务圈评估报告", "summary": "概要", "plan": "对照方案", "towns": "各乡镇（街道）",
    "method": "方法与数据质量", "contents": "目录",
    "model": "本报告的输入含模型数据，所有数字都不是现状，不得引用。",
    "people": "全区常住人口 {people} 人，{townships} 个乡镇（街道），{places} 个村（社区）。",
    "service": "{layer}：{group} {people} 人中，{in_time} 人在时限内，覆盖率 {rate}；{out} 人在时限外，{undetermined}"
               " 人待核。判定：{verdict}。",
    "service_hidden": "{layer}：{group} {people} 人，覆盖率 {rate}；时限内外的人数过少，不公开。判定：{verdict}。",
    "service_partly": "{layer}：{group} {people} 人中，{in_time} 人在时限内，覆盖率 {rate}；"
                      "时限外或待核的人数过少，不公开。判定：{verdict}。",
    "m2": "{layer}：人均面积 {m2} m²，标准 {target} m²，{verdict}。",
    "m2_bare": "{layer}：人均面积 {m2} m²，方案未定标准。", "no_data": "{layer}：缺数据，不作评价。",
    "interval": "覆盖率的下限把待核人口计作圈外，上限计作圈内。待核人口是地图数据不足以判断的人，不是服务不足。",
    "largest": "时限外人数最多的是{list}。", "largest_item": "{place}（{township}）{out} 人",
    "all": "各类服务都在时限内的居民占 {rate}，人均可及 {mean} 类（共 {services} 类）。",
    "next": "下一步建在哪里：{list}。",
    "next_none": "本次运行没有求选址；用 lifecircle site 可以求出建在哪里增益最大。",
    "listed": "指标 {count} 项有数据，另有 {bare} 项缺数据，列于其后；缺数据不等于零。",
    "no_plan": "本次运行没有对照方案。",
    "plan_heads": ("条目", "指标", "目标", "实际", "差距", "判定", "责任单位"), "plan_table": "有数据的指标（全区）",
    "bare_table": "缺数据的指标及所缺内容", "bare_heads": ("条目", "指标", "目标", "所缺数据", "责任单位"),
    "rates_table": "覆盖率（低—高）；“不公开”指人数过少，“—”指不评价或缺数据", "unit": "乡镇（街道）",
    "map": "{township}：服务与缺口", "map_words": "{township}及周边地图：道路、水系、村（社区）和设施。{mark}",
    "figures": "{township}各项服务",
    "figure_heads": ("服务", "人口", "覆盖率（低—高）", "圈外", "待核", "人均 m²", "判定"),
    "gaps": "最大的缺口（按时限外人数，共 {count} 处可达缺口）", "no_gaps": "没有可达缺口。",
    "gap_heads": ("序号", "村（社区）", "服务", "圈外人数", "中位分钟", "超出分钟", "原因", "最近设施"),
    "lacking": "其他缺口：{list}。", "lacking_item": "{layer}{of}{kind}缺 {short} {unit}",
    "sites": "建议选址：{list}。",
    "findings": "数据提示：{list}。", "no_findings": "没有影响本地数字的数据提示。",
    "more": "等 {count} 条", "population": "常住人口 {people} 人，村（社区）{places} 个。",
    "rules": "判定口径", "rule_heads": ("服务", "人群", "城镇", "乡村", "责任单位", "数据质量"),
    "finding_table": "数据提示（全区）", "finding_heads": ("程度", "提示", "服务", "说明", "处数"),
    "inputs": "输入文件", "input_heads": ("用途", "文件", "SHA-256 前 12 位", "字节"),
    "versions": "软件版本：{list}。",
    "class_rule": "城乡按统计用城乡分类代码划分，规则 {rule}（1xx：代码以 1 开头为城镇，以 2 开头为乡村）。",
    "methods": (
        "时间从人到设施门口计算，包括从住处到道路的步行；不大于时限即为在时限内。",
        "状态分三种：在时限内、在时限外、待核。待核是在接入距离内找不到道路的人，不计入时限内，也不当作没有。",
        "比率由人数之和相除得到，不取平均；乡镇之和等于全区。邻区设施和道路参与，邻区的人不计入。",
        "方案没有写明达标比例的，判定为“标准未定”；缺输入的为“缺数据”，不猜测，也不记零。",
        "重点人群不足 10 人的数不公开，可以由加减推出它的数也一并不公开。",
        "本报告的每个数都取自同一运行编号的 results.csv、gaps.csv 和 scorecard.csv。",
    ),
    "area": "面积{verdict}",
    "none": "—", "join": "、", "cover_run": "运行编号 {run}　lifecircle {version}",
    "cover_crs": "量算坐标系 {crs}",
    "gap_unreached": "不可达",
}
_EN: dict[str, Any] = {
    "title": "{district}: public services in reach", "summary": "Summary", "plan": "Against the plan",
    "towns": "The townships", "method": "Method and data quality",
    "contents": "Contents",
    "model": "Inputs of this report are model data. No figure in it is real, and none may be quoted.",
    "people": "The district has {people} residents in {townships} townships and {places} villages and communities.",
    "service": "{layer}: of {people} {group}, {in_time} are in time, {rate}; {out} are out of time and "
               "{undetermined} undetermined. Verdict: {verdict}.",
    "service_partly": "{layer}: of {people} {group}, {in_time} are in time, {rate}; how many are out or "
                      "undetermined is hidden, as few are. Verdict: {verdict}.",
    "service_hidden": "{layer}: {people} {group}, {rate} in time; how many are in and out is hidden, as small "
                      "numbers would show. Verdict: {verdict}.",
    "m2": "{layer}: {m2} m² per head, target {target} m², {verdict}.",
    "m2_bare": "{layer}: {m2} m² per head; the plan sets no target.", "no_data": "{layer}: no data, no judgement.",
    "interval": "The lower end of a rate counts the undetermined out, the upper end in. The undetermined are people "
                "whom the map data cannot place, not people without a service.",
    "largest": "Most people out of time are in {list}.", "largest_item": "{place} ({township}), {out}",
    "all": "{rate} of the residents have every service in time; on the mean they have {mean} of {services}.",
    "next": "Where next: {list}.",
    "next_none": "This run chose no sites; lifecircle site finds where building gains most.",
    "listed": "{count} measures have data; {bare} more wait for data and follow below. No data is not zero.",
    "no_plan": "This run has no plan.",
    "plan_heads": ("Item", "Measure", "Target", "Actual", "Gap", "Verdict", "Lead unit"),
    "plan_table": "Measures with data (district)", "bare_table": "Measures without data, and what is wanted",
    "bare_heads": ("Item", "Measure", "Target", "Wanted", "Lead unit"),
    "rates_table": "Coverage, low to high; hidden: small numbers would show; a dash: not judged, or no data",
    "unit": "Township", "map": "{township}: services and gaps",
    "map_words": "Map of {township} and its surroundings: roads, water, places and facilities. {mark}",
    "figures": "{township}: every service",
    "figure_heads": ("Service", "People", "Coverage", "Out", "Undet.", "m² per head", "Verdict"),
    "gaps": "Largest gaps, by people out of time (of {count} gaps of reach)", "no_gaps": "There is no gap of reach.",
    "gap_heads": ("No.", "Place", "Service", "Out", "Median min", "Min over", "Cause", "Nearest"),
    "lacking": "Other gaps: {list}.", "lacking_item": "{layer} {kind} {of}: {short} {unit} short",
    "sites": "Chosen sites: {list}.", "findings": "Findings: {list}.",
    "no_findings": "No finding touches the figures here.", "more": "and {count} in all",
    "population": "{people} residents in {places} villages and communities.", "rules": "What counts as served",
    "rule_heads": ("Service", "Group", "Urban", "Rural", "Lead unit", "Data quality"),
    "finding_table": "Findings (district)", "finding_heads": ("Severity", "Finding", "Service", "What", "Count"),
    "inputs": "Input files", "input_heads": ("Use", "File", "SHA-256, first 12", "Bytes"),
    "versions": "Versions: {list}.", "class_rule": "Urban and rural by the rule {rule}.",
    "methods": (
        "Time counts from people to the door, with the walk to the road; at most the limit is in time.",
        "There are three states: in time, out of time, undetermined: no road within the snap limit.",
        "Rates are ratios of sums, never means; townships sum to the district. Neighbours' facilities and roads serve, "
        "their people are not counted.",
        "Where the plan sets no share, the verdict is undecided; where an input is missing, no data, never zero.",
        "Counts under 10 in a priority group are hidden, and with them what would tell them by a sum or difference.",
        "Every figure here is from results.csv, gaps.csv and scorecard.csv of the same run id.",
    ),
    "area": "area {verdict}",
    "none": "–", "join": ", ", "cover_run": "Run {run}, lifecircle {version}", "cover_crs": "Measured in {crs}",
    "gap_unreached": "unreachable",
}


def document_words(language: str) -> dict[str, Any]:
    """Give the words of a language; English where it is not known."""
    return _ZH if language == "zh" else _EN
