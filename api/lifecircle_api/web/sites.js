/* The facilities of a draft: new ones placed by hand, pointer or keyboard, existing ones closed. */

import {button, el, field, select} from "./dom.js";

const MOST_LISTED = 30;

function numberField(id, text, value, change, more = {}) {
  return field(id, text, el("input", {type: "number", value: value ?? "", step: "any", inputmode: "decimal", ...more,
    on: {change: (event) => change(event.target.value === "" ? null : Number(event.target.value))}}));
}

/* Drag a pin from the panel onto the map; on its way over the map the answer is shown already. */
function palette(app) {
  const {t} = app;
  const chip = el("span", {class: "pin chip", "aria-hidden": "true"}, el("b", {}, "+"));
  const box = el("div", {class: "palette"}, chip, el("span", {}, t.palette));
  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    let at = -1;
    const ghost = el("span", {class: "pin ghost"}, el("b", {}, "+"));
    document.body.append(ghost);
    const follow = (moved) => {
      ghost.style.left = `${moved.clientX}px`;
      ghost.style.top = `${moved.clientY}px`;
      const there = app.view.under(moved);
      if (there && at < 0) at = app.place(there, {settled: false});
      else if (there) app.move(at, there, false);
      else if (at >= 0) {
        app.drop(at, {quiet: true});
        at = -1;
      }
      ghost.hidden = at >= 0;
    };
    const end = (last) => {
      removeEventListener("pointermove", follow);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      ghost.remove();
      if (at >= 0 && last.type === "pointerup") app.move(at, app.view.under(last) ?? app.edits.add[at], true);
      else if (at >= 0) app.drop(at, {quiet: true});
    };
    addEventListener("pointermove", follow);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
    follow(event);
  });
  return box;
}

function byHand(app) {
  const {t} = app;
  const input = (name) => el("input", {type: "number", step: "any", required: true, inputmode: "decimal", value: app.hand[name],
    on: {input: (event) => {
      app.hand[name] = event.target.value;
    }}});
  const lon = input("lon");
  const lat = input("lat");
  return el("form", {class: "hand", novalidate: true, on: {submit: (event) => {
    event.preventDefault();
    const kept = app.hand;
    if (kept.lon === "" || kept.lat === "") return;
    app.hand = {lon: "", lat: ""};
    if (app.place({lng: Number(kept.lon), lat: Number(kept.lat)}, {settled: true}) < 0) app.hand = kept;
  }}}, field("hand-lon", t.lon, lon), field("hand-lat", t.lat, lat), el("button", {type: "submit"}, t.add));
}

function siteRow(app, site, at) {
  const {t, base, layer} = app;
  const facts = base.layers.find((one) => one.layer === layer);
  const levels = app.live?.layers.find((one) => one.layer === layer)?.levels ?? [];
  const words = base.words[t.language].levels;
  const set = (change) => app.setSite(at, change);
  return el("li", {}, el("span", {class: "pin small", "aria-hidden": "true"}, el("b", {}, String(at + 1))), el("div", {class: "fields"},
    field(`name-${at}`, t.name, el("input", {type: "text", maxlength: 80, value: site.name, on: {
      input: (event) => app.setSite(at, {name: event.target.value}, {quiet: true})}})),
    numberField(`lon-${at}`, t.lon, site.lon.toFixed(6), (value) => set({lon: value ?? site.lon})),
    numberField(`lat-${at}`, t.lat, site.lat.toFixed(6), (value) => set({lat: value ?? site.lat})),
    levels.length > 1 ? field(`level-${at}`, t.level, select(levels.map((name) => [name, words[name] ?? name]),
      site.level ?? levels[0], (value) => set({level: value}))) : null,
    facts.capacity ? numberField(`capacity-${at}`, t.capacity, site.capacity, (value) => set({capacity: value}), {min: 0}) : null,
    facts.m2_per_head ? numberField(`area-${at}`, t.effective, site.effective_area_m2,
      (value) => set({effective_area_m2: value}), {min: 0}) : null),
  el("div", {class: "acts"}, button(t.goTo, () => app.view.focusSite(at), {id: `go-${at}`}),
    button(`${t.remove} ${at + 1}`, () => app.drop(at), {id: `drop-${at}`})));
}

function existing(app) {
  const {t, base, layer, edits} = app;
  const closed = new Set(edits.close);
  const wanted = app.wanted.trim().toLowerCase();
  const own = base.facilities.features.filter(({properties}) => properties.layer === layer && properties.serves);
  const found = own.filter(({properties}) => !wanted || `${properties.name} ${properties.facility_id}`.toLowerCase().includes(wanted));
  found.sort((one, other) => closed.has(other.properties.facility_id) - closed.has(one.properties.facility_id));
  const row = ({properties, geometry}) => {
    const shut = closed.has(properties.facility_id);
    return el("li", {class: shut ? "shut" : ""}, el("span", {}, properties.name || properties.facility_id,
      el("small", {}, ` ${properties.facility_id}${shut ? ` · ${t.closed}` : ""}`)),
    el("span", {class: "acts"}, button(t.goTo, () => app.view.goTo(geometry.coordinates[1], geometry.coordinates[0]),
      {"aria-label": `${t.goTo} ${properties.name}`}),
    button(shut ? t.reopen : t.close, () => app.toggle(properties.facility_id), {id: `toggle-${properties.facility_id}`,
      "aria-label": `${shut ? t.reopen : t.close} ${properties.name || properties.facility_id}`})));
  };
  return [el("h3", {}, t.existing), field("find", t.find, el("input", {type: "search", value: app.wanted,
    on: {input: (event) => app.find(event.target.value)}})),
  el("p", {class: "note"}, `${t.shownOf} ${Math.min(found.length, MOST_LISTED)}${t.of}${own.length}${t.lists}${t.closed} ${closed.size}`),
  el("ul", {class: "list"}, found.slice(0, MOST_LISTED).map(row))];
}

export function siteSheet(app) {
  const {t, edits} = app;
  return [el("div", {class: "put"}, palette(app), button(t.atCentre, () => app.place(app.view.map.getCenter(), {settled: true, focus: true}),
    {id: "at-centre"})), byHand(app), el("h3", {}, `${t.newSites} ${edits.add.length}`),
  edits.add.length ? el("ol", {class: "sites"}, edits.add.map((site, at) => siteRow(app, site, at)))
    : el("p", {class: "note"}, t.noNew), ...existing(app)];
}
