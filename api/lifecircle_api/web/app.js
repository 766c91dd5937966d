/* The planner's page: one draft is shown, every change of it is asked of the service at once. */

import {Comparison} from "./compare.js";
import {button, el, fill} from "./dom.js";
import {Drafts, MOST_ADDED, question, round} from "./drafts.js";
import {MapView, legend} from "./mapview.js";
import {askedFields, gapSheet, glance, resultFacts, sentence, townSheet} from "./result.js";
import {openScenario, saveCsv, saveSheet} from "./saving.js";
import {Asker, json} from "./service.js";
import {siteSheet} from "./sites.js";
import {Siting} from "./siting.js";
import {wordsOf} from "./words.js";

const SETTLED_MS = 600;
const POLL_MS = 1500;
const SHEETS = ["sites", "gaps", "towns", "compare", "siting", "save"];
const node = (id) => document.getElementById(id);

class App {
  constructor(base) {
    const asked = new URLSearchParams(location.search).get("lang");
    const language = ["zh", "en"].includes(asked) ? asked : base.district.language;
    Object.assign(this, {base, live: null, answer: null, township: "", wanted: "", hand: {lon: "", lat: ""}, sheetName: "sites", settled: 0});
    this.t = {...wordsOf(language), language};
    this.drafts = new Drafts(base.run_id, this.t);
    [this.layer] = this.layers();
    this.asker = new Asker((...given) => this.answered(...given), (error) => this.failed(error));
    this.comparison = new Comparison(this);
    this.siting = new Siting(this);
    this.frame();
    this.view = new MapView(node("map"), base, this.t, {move: (...given) => this.move(...given),
      drop: (at) => this.drop(at), toggle: (id) => this.toggle(id)});
    this.watermark();
    this.shown();
    this.wait();
  }

  get edits() {
    return this.drafts.edits(this.layer);
  }

  layers() {
    return this.base.layers.filter((one) => one.reach).map((one) => one.layer);
  }

  rules(layer) {
    return this.base.layers.find((one) => one.layer === layer);
  }

  /* ---- what stands around: title, mark, links, foot ---- */

  frame() {
    const {t, base} = this;
    document.documentElement.lang = t.language;
    document.title = `${base.district.name} · ${t.title}`;
    for (const one of document.querySelectorAll("[data-t]")) one.textContent = t[one.dataset.t];
    for (const one of document.querySelectorAll("[data-t-label]")) one.setAttribute("aria-label", t[one.dataset.tLabel]);
    node("title").replaceChildren(base.district.name, el("small", {}, t.title),
      base.scenario ? el("small", {}, `${t.scenario}${t.colon}${base.scenario}`) : "");
    node("mark").hidden = !base.notice;
    node("mark").textContent = base.notice ? base.words[t.language].model : "";
    const other = new URL(location.href);
    other.searchParams.set("lang", t.language === "zh" ? "en" : "zh");
    node("links").replaceChildren(el("a", {href: "/map"}, t.toMap), el("a", {href: "/docs"}, t.toDocs),
      el("a", {href: other.pathname + other.search, lang: t.language === "zh" ? "en" : "zh"}, t.other));
    const approval = base.district.approval ? `${t.approval}${t.colon}${base.district.approval}` : base.words[t.language].not_approved;
    const credit = [base.osm ? "© OpenStreetMap contributors, ODbL" : "",
      `${t.run} ${base.run_id}`, `lifecircle ${base.version} · Leaflet`, base.crs].filter(Boolean).join(" · ");
    const day = base.district.date ? ` · ${t.date} ${base.district.date}` : "";
    node("mapfoot").replaceChildren(el("strong", {class: base.district.approval ? "" : "warning"}, approval), el("br"),
      `${t.basis}${t.colon}${t.basisAll}${day}`);
    node("foot").replaceChildren(el("span", {class: "mark", hidden: !base.notice}, base.notice ?? ""),
      el("span", {}, credit));
    node("stage").append(legend(t, base.rates), el("p", {class: "north", "aria-hidden": "true"}, "▲", el("br"), t.north));
    node("tabs").replaceChildren(...SHEETS.map((name) => button(t[`tab_${name}`], () => this.turn(name), {id: `tab-${name}`, role: "tab",
      "aria-controls": `sheet-${name}`})));
    node("tabs").addEventListener("keydown", (event) => this.along(event));
    node("sheets").replaceChildren(...SHEETS.map((name) => el("div", {id: `sheet-${name}`, role: "tabpanel", "aria-labelledby": `tab-${name}`,
      tabindex: 0})));
  }

  /* The mark of model data lies over the whole map, so that it survives a crop of the picture. */
  watermark() {
    if (!this.base.notice) return;
    node("stage").append(el("div", {class: "watermark", "aria-hidden": "true"}, Array.from({length: 48}, () => el("span", {}, this.base.notice))));
  }

  along(event) {
    const at = SHEETS.indexOf(this.sheetName);
    const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: SHEETS.length - 1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.turn(SHEETS[(to + SHEETS.length) % SHEETS.length]);
    node(`tab-${this.sheetName}`).focus();
  }

  say(text, {alarm = false} = {}) {
    node("state").textContent = text;
    node("state").className = alarm ? "alarm" : "";
  }

  /* ---- the service ---- */

  async wait() {
    const {t} = this;
    for (;;) {
      let live;
      try {
        live = await json("/live");
      } catch (error) {
        live = {status: "unavailable", reason: error.message};
      }
      if (live.status === "ready") {
        this.live = live;
        this.say("");
        this.shown();
        return;
      }
      this.say(live.status === "starting" ? t.starting : `${t.unavailable}${t.colon}${live.reason}`, {alarm: live.status !== "starting"});
      if (live.status !== "starting") return;
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }

  ask() {
    if (!this.live) return;
    node("result").setAttribute("aria-busy", "true");
    this.asker.ask(question(this.layer, this.edits, this.rules(this.layer)));
  }

  answered(answer, body, took, more) {
    if (body.layer !== this.layer) return;
    this.answer = answer;
    if (this.failing) this.say("");
    this.failing = false;
    this.view.showAnswer(answer);
    fill(node("result"), ...resultFacts(this, answer));
    if (["gaps", "towns"].includes(this.sheetName)) this.show(this.sheetName);
    node("glance").textContent = glance(this, answer);
    performance.mark("answer-shown", {detail: {took, answer: answer.milliseconds}});
    if (more) return;
    node("result").setAttribute("aria-busy", "false");
    clearTimeout(this.settled);
    this.settled = setTimeout(() => {
      node("said").textContent = sentence(this, answer);
    }, SETTLED_MS);
  }

  failed(error) {
    this.failing = true;
    node("result").setAttribute("aria-busy", "false");
    this.say(`${this.t.failed}${this.t.colon}${error.message}`, {alarm: true});
  }

  async attempt(work) {
    try {
      await work();
    } catch (error) {
      this.say(error.status === 404 && this.sheetName === "siting" ? this.t.noJobs : error.message, {alarm: true});
    }
  }

  /* ---- what is shown ---- */

  turn(name) {
    this.sheetName = name;
    for (const one of SHEETS) {
      node(`tab-${one}`).setAttribute("aria-selected", String(one === name));
      node(`tab-${one}`).tabIndex = one === name ? 0 : -1;
      node(`sheet-${one}`).hidden = one !== name;
    }
    this.show(name);
    if (name === "compare" && this.live) this.attempt(() => this.comparison.fetch());
  }

  /* Fill a sheet again, if it is the one that is open. */
  show(name) {
    if (name !== this.sheetName) return;
    const {answer} = this;
    const made = {
      sites: () => siteSheet(this), gaps: () => answer && gapSheet(this, answer), towns: () => answer && townSheet(this, answer),
      compare: () => this.comparison.sheet(), siting: () => this.siting.sheet(), save: () => saveSheet(this),
    }[name]();
    if (made) fill(node(`sheet-${name}`), ...made);
  }

  /* Show the draft and the layer anew, and ask what comes of it. */
  shown() {
    const {t} = this;
    const act = (text, id, click) => button(text, click, {id, class: "small"});
    fill(node("drafts"), el("div", {class: "names"}, this.drafts.all.map((draft, at) => button(draft.name, () => {
      this.drafts.at = at;
      this.changed();
    }, {id: `draft-${at}`, "aria-current": at === this.drafts.at ? "true" : null}))),
    el("div", {class: "acts"}, act(t.newDraft, "draft-new", () => this.draft("create")), act(t.copy, "draft-copy", () => this.draft("copy")),
      act(t.rename, "draft-rename", () => {
        const name = prompt(t.askName, this.drafts.current.name);
        if (name !== null) this.draft("rename", name);
      }), act(t.remove, "draft-remove", () => {
        if (confirm(t.askRemove)) this.draft("remove");
      })));
    fill(node("asked"), ...askedFields(this));
    this.view.showLayer(this.layer, this.edits);
    this.view.showSites(this.edits.add);
    this.turn(this.sheetName);
    this.ask();
  }

  changed() {
    this.drafts.save();
    this.shown();
    if (!this.drafts.kept) this.say(this.t.storage, {alarm: true});
  }

  draft(act, ...given) {
    this.drafts[act](...given);
    this.changed();
  }

  choose(layer) {
    this.layer = layer;
    this.answer = null;
    this.changed();
  }

  set(change, {fields = true} = {}) {
    Object.assign(this.edits, change);
    this.drafts.save();
    if (fields) this.shown();
    else this.ask();
  }

  filter(township) {
    this.township = township;
    this.show("gaps");
  }

  find(text) {
    this.wanted = text;
    this.show("sites");
  }

  /* ---- facilities ---- */

  /* Put a new facility down; of a layer that is measured in area it is as large as the middle one that stands. */
  place({lat, lng}, {settled = true, focus = false, name = ""} = {}) {
    const {edits, t} = this;
    if (edits.add.length >= MOST_ADDED) {
      this.say(`${t.full}${t.lists}${t.most} ${MOST_ADDED}`, {alarm: true});
      return -1;
    }
    if (!this.allowed(lat, lng)) return -1;
    edits.add.push({lon: round(lng), lat: round(lat), name, level: null, capacity: null, area_m2: null,
      effective_area_m2: this.rules(this.layer).m2_per_head ? this.middleArea() : null});
    const at = edits.add.length - 1;
    if (settled) {
      this.changed();
      if (focus) this.view.focusSite(at, {nearer: false});
    } else {
      this.view.showSites(edits.add);
      this.ask();
    }
    return at;
  }

  /* Tell whether a facility may stand there: in an odd number of the rings; before the service says so, anywhere. */
  allowed(lat, lon) {
    let inside = !this.live;
    for (const ring of this.live?.area ?? []) {
      for (let at = 1; at < ring.length; at += 1) {
        const [[x, y], [toX, toY]] = [ring[at - 1], ring[at]];
        if ((y > lat) !== (toY > lat) && lon < x + (lat - y) / (toY - y) * (toX - x)) inside = !inside;
      }
    }
    if (inside && this.beyond) this.say("");
    this.beyond = !inside;
    if (!inside) this.say(`${lon.toFixed(5)}, ${lat.toFixed(5)}${this.t.colon}${this.t.outside}`, {alarm: true});
    return inside;
  }

  middleArea() {
    const areas = this.base.facilities.features.map(({properties}) => properties).filter((one) => one.layer === this.layer
      && one.effective_area_m2 > 0).map((one) => one.effective_area_m2).sort((one, other) => one - other);
    return areas.length ? Math.round(areas[Math.floor(areas.length / 2)]) : null;
  }

  /* Shift a new facility; beyond where it may stand it stays at the last place where it might. */
  move(at, {lat, lng, lon}, settled) {
    const there = {lon: round(lng ?? lon), lat: round(lat)};
    const allowed = this.allowed(there.lat, there.lon);
    if (allowed) Object.assign(this.edits.add[at], there);
    if (allowed && settled) this.changed();
    else if (allowed || settled) {
      this.view.showSites(this.edits.add);
      if (settled) this.drafts.save();
      else this.ask();
    }
  }

  setSite(at, change, {quiet = false} = {}) {
    const site = {...this.edits.add[at], ...change};
    if (this.allowed(site.lat, site.lon)) this.edits.add[at] = site;
    if (quiet) {
      this.drafts.save();
      this.view.showSites(this.edits.add);
    } else this.changed();
  }

  drop(at, {quiet = false} = {}) {
    this.edits.add.splice(at, 1);
    if (quiet) {
      this.view.showSites(this.edits.add);
      this.ask();
      return;
    }
    this.changed();
    node("at-centre")?.focus();
  }

  toggle(facility) {
    const {edits} = this;
    edits.close = edits.close.includes(facility) ? edits.close.filter((id) => id !== facility) : [...edits.close, facility];
    this.changed();
  }

  adopt(layer, sites) {
    const {add} = this.drafts.edits(layer);
    const room = sites.slice(0, MOST_ADDED - add.length);
    add.push(...room.map((site) => ({lon: site.lon, lat: site.lat, name: String(site.name || site.candidate_id).slice(0, 80), level: null,
      capacity: null, area_m2: null, effective_area_m2: null})));
    this.layer = layer;
    this.sheetName = "sites";
    this.changed();
  }

  /* ---- in and out ---- */

  /* Lay the page out as on paper before it is printed, so that the map is drawn for it. */
  async print() {
    document.body.classList.add("paper");
    this.view.whole();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)));
    window.print();
    document.body.classList.remove("paper");
    this.view.whole();
  }

  saveCsv() {
    return this.attempt(() => saveCsv(this));
  }

  open(text, name) {
    const {t} = this;
    try {
      const {edits, left} = openScenario(this, text, name);
      this.changed();
      this.say(`${t.opensWith} ${edits} ${t.edits}${left ? `${t.lists}${t.left} ${left}` : ""}`);
    } catch {
      this.say(t.badFile, {alarm: true});
    }
  }
}

try {
  window.lifecircle = new App(await json("/planner/data"));
} catch (error) {
  document.getElementById("state").textContent = error.message;
}
