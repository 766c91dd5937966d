/* The words of the page, Chinese and English, and how numbers are written. */

const ZH = {
  title: "规划台", skip: "跳到面板", links: "其他页面", drafts: "草案", map: "地图", panel: "草案与结果", tabs: "内容",
  toMap: "地图", toDocs: "接口说明", other: "English", newDraft: "新建草案", draft: "草案", copy: "复制", rename: "改名",
  remove: "删除", askName: "草案名称", askRemove: "删除这个草案？", copyOf: "副本", service: "服务", mode: "出行方式",
  cutoff: "时限", urban: "城镇", rural: "乡村", minutes: "分钟", ruleNow: "现行标准", byRule: "按现行标准", asRule: "恢复现行标准",
  starting: "正在读取数据并求解路网，几秒后可用；草案可以先做。", unavailable: "不能推演", failed: "没有得到答复",
  before: "现状", after: "草案", rate: "全区覆盖率", points: "百分点", won: "新增覆盖", lost: "失去覆盖", net: "净变化",
  undetermined: "待核", people: "人", peopleCount: "人口", out: "未覆盖", perHead: "人均面积", m2Head: "m²/人", m2: "m²", target: "标准",
  towns: "乡镇（街道）", townsChanged: "有变化的乡镇（街道）", townsSame: "其余不变", change: "变化", nothing: "没有变化",
  estimated: "重点人群按公布的乡镇占比估算；不足 10 人不列", hidden: "不公开", unknown: "未知",
  tab_sites: "设施", tab_gaps: "缺口", tab_towns: "乡镇", tab_compare: "比较", tab_siting: "选址", tab_save: "保存导出",
  palette: "拖到地图上", newSite: "新设施", atCentre: "放在地图中心", byHand: "按坐标添加", lon: "经度", lat: "纬度", add: "添加",
  outside: "不在区界和缓冲区以内", newSites: "新建设施", noNew: "还没有新建设施。把上面的标记拖到地图上，或用按钮放置。",
  name: "名称", capacity: "容量", effective: "有效面积 m²", level: "类别", goTo: "在地图上看", moveHint: "方向键移动（按住 Shift 快移），Delete 删除",
  existing: "现有设施", find: "查找设施", close: "撤销", reopen: "恢复", closed: "已撤销", closedSites: "撤销的设施",
  shownOf: "显示", of: "／", items: " 处", gaps: "缺口清单", township: "乡镇（街道）", allTowns: "全区", place: "村（社区）",
  undet: "待核", median: "分钟", nearest: "最近设施", cause: "原因", short: "面积缺口", noGaps: "没有缺口。", place_all: "全乡镇",
  compare: "草案比较", inService: "服务", today: "现状", opened: "新建", shut: "撤销", gapsCount: "缺口数", rules: "标准",
  siting: "自动选址", count: "新建数量", model: "模型", start: "开始选址", stop: "停止", intoDraft: "放入草案",
  models: {mclp: "覆盖人口最多", lscp: "全部覆盖最少数量", "p-median": "总用时最少", "p-center": "最远者最近"},
  status: {accepted: "排队中", running: "计算中", successful: "已完成", failed: "失败", dismissed: "已停止"},
  found: "找到地点", wins: "新增覆盖", gapTo: "与上界相差", noJobs: "服务没有选址功能。",
  save: "保存与导出", saveScenario: "存为情景文件", openScenario: "打开情景文件", saveCsv: "缺口清单 CSV", saveGeo: "草案 GeoJSON",
  print: "打印地图与结果", scenarioHint: "用 lifecircle run --scenario 完整计算；时限和方式属于政策，只作备注。",
  opensWith: "已打开", edits: "处修改", badFile: "读不懂这个文件", left: "略过", legend: "图例", covered: "覆盖率",
  legendNew: "新建", legendClosed: "撤销", legendHere: "现有设施", legendIn: "多数已覆盖", legendOut: "多数未覆盖", legendWon: "新增覆盖的村（社区）",
  legendLost: "失去覆盖的村（社区）", approval: "审图号", date: "数据截止", run: "运行编号", basis: "口径", basisAll: "人口，待核计为未覆盖",
  basisGroup: "，待核计为未覆盖", answered: "答复", ms: "毫秒", saved: "已保存到下载", north: "北", placed: "已放置", moved: "已移到",
  removed: "已删除", scenario: "情景", lists: "，", colon: "：", from: "从", to: "到", reset: "清空草案", full: "已满", most: "最多",
  sheetFor: "图表", storage: "浏览器不允许保存，草案只留到关闭页面",
};

const EN = {
  title: "planner", skip: "Skip to the panel", links: "Other pages", drafts: "Drafts", map: "Map", panel: "Draft and result", tabs: "Contents",
  toMap: "Map", toDocs: "API", other: "中文", newDraft: "New draft", draft: "Draft", copy: "Copy", rename: "Rename",
  remove: "Delete", askName: "Name of the draft", askRemove: "Delete this draft?", copyOf: "copy", service: "Service", mode: "Mode",
  cutoff: "Cutoff", urban: "urban", rural: "rural", minutes: "min", ruleNow: "Rule in force", byRule: "by the rule in force", asRule: "Back to the rule",
  starting: "Reading the data and solving the roads; ready in some seconds. You may draft meanwhile.", unavailable: "No answers", failed: "No answer",
  before: "today", after: "draft", rate: "Coverage of the district", points: "points", won: "Won", lost: "Lost", net: "Net",
  undetermined: "Undetermined", people: "people", peopleCount: "People", out: "Out", perHead: "Area per head", m2Head: "m² per head", m2: "m²", target: "target",
  towns: "Townships", townsChanged: "Townships that change", townsSame: "the others stay", change: "Change", nothing: "No change",
  estimated: "People of the group are estimated by each township's published share; under 10 are not listed", hidden: "hidden", unknown: "unknown",
  tab_sites: "Sites", tab_gaps: "Gaps", tab_towns: "Townships", tab_compare: "Compare", tab_siting: "Siting", tab_save: "Save",
  palette: "Drag onto the map", newSite: "New facility", atCentre: "Place at the map's centre", byHand: "Add by coordinates", lon: "Longitude", lat: "Latitude", add: "Add",
  outside: "lies outside the district and its buffer", newSites: "New facilities", noNew: "None yet. Drag the pin above onto the map, or use a button.",
  name: "Name", capacity: "Capacity", effective: "Effective area m²", level: "Level", goTo: "Show on the map", moveHint: "arrow keys move it (Shift: faster), Delete removes it",
  existing: "Existing facilities", find: "Find a facility", close: "Close", reopen: "Reopen", closed: "closed", closedSites: "Closed facilities",
  shownOf: "shown", of: " of ", items: "", gaps: "Gap list", township: "Township", allTowns: "District", place: "Village or community",
  undet: "Undet.", median: "Min", nearest: "Nearest", cause: "Cause", short: "Area short", noGaps: "No gaps.", place_all: "township",
  compare: "Drafts side by side", inService: "Service", today: "Today", opened: "Opened", shut: "Closed", gapsCount: "Gaps", rules: "Rule",
  siting: "Siting", count: "New facilities", model: "Model", start: "Start siting", stop: "Stop", intoDraft: "Put into the draft",
  models: {mclp: "most people", lscp: "fewest sites for all", "p-median": "least total time", "p-center": "least worst time"},
  status: {accepted: "waiting", running: "running", successful: "done", failed: "failed", dismissed: "stopped"},
  found: "Sites found", wins: "wins", gapTo: "gap to the bound", noJobs: "The service offers no siting.",
  save: "Save and export", saveScenario: "Save as scenario file", openScenario: "Open a scenario file", saveCsv: "Gap list as CSV", saveGeo: "Draft as GeoJSON",
  print: "Print map and result", scenarioHint: "lifecircle run --scenario computes it in full; cutoff and mode are policy and stand there as remarks.",
  opensWith: "Opened", edits: "edits", badFile: "This file cannot be read", left: "left out", legend: "Legend", covered: "Coverage",
  legendNew: "new", legendClosed: "closed", legendHere: "existing facility", legendIn: "mostly in time", legendOut: "mostly out", legendWon: "place that is won",
  legendLost: "place that is lost", approval: "Map approval no.", date: "data of", run: "run", basis: "Basis", basisAll: "people; undetermined counted out",
  basisGroup: "; undetermined counted out", answered: "answered in", ms: "ms", saved: "Saved to downloads", north: "N", placed: "Placed", moved: "Moved to",
  removed: "Removed", scenario: "Scenario", lists: ", ", colon: ": ", from: "from", to: "to", reset: "Clear the draft", full: "full", most: "at most",
  sheetFor: "sheet", storage: "The browser keeps nothing: drafts last until the page is closed",
};

export function wordsOf(language) {
  return language === "en" ? EN : ZH;
}

export function whole(value, t) {
  return value === null || value === undefined ? t.hidden : Math.round(value).toLocaleString("en-US");
}

/* 0.0% and 100.0% only where it is none or all, as everywhere else. */
export function percent(value, t) {
  if (value === null || value === undefined) return t.unknown;
  const shown = Math.round(value * 1000) / 10;
  return `${Math.min(Math.max(shown, value > 1e-9 ? 0.1 : 0), value < 1 - 1e-9 ? 99.9 : 100).toFixed(1)}%`;
}

export function signed(value, digits = 0) {
  const text = Math.abs(value).toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
  if (Number(text.replaceAll(",", "")) === 0) return digits ? `±${text}` : "0";
  return (value < 0 ? "−" : "+") + text;
}
