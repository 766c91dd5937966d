/* Take a draft out of the page and bring one back: scenario files, GeoJSON, CSV of the gaps, print. */

import {button, download, el} from "./dom.js";
import {question, touched} from "./drafts.js";
import {request} from "./service.js";

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function stem(app) {
  return `${app.drafts.current.name}-${app.base.run_id}`.replace(/[^\p{L}\p{N}_-]+/gu, "_");
}

export async function saveScenario(app) {
  const draft = app.drafts.current;
  const layers = Object.entries(draft.layers).filter(([, edits]) => touched(edits))
    .map(([layer, edits]) => question(layer, edits, app.rules(layer)));
  if (!layers.length) throw new Error(app.t.nothing);
  const answer = await request("/what-if/scenario", {method: "POST", body: {name: draft.name, layers}});
  download(await answer.blob(), "text/x-toml", `${stem(app)}.toml`);
}

export async function saveCsv(app) {
  const town = app.township ? `&township=${encodeURIComponent(app.township)}` : "";
  const answer = await request(`/what-if?f=csv${town}`, {method: "POST", body: question(app.layer, app.edits, app.rules(app.layer))});
  download(await answer.blob(), "text/csv", `${stem(app)}-${app.layer}-gaps.csv`);
}

/* A draft as GeoJSON, which a scenario may be written in too; the mark of model data stands in its name. */
export function saveGeojson(app) {
  const features = [];
  for (const [layer, edits] of Object.entries(app.drafts.current.layers)) {
    for (const [at, {lon, lat, ...site}] of edits.add.entries()) {
      const facts = Object.fromEntries(Object.entries(site).filter(([, value]) => value !== null && value !== ""));
      features.push({type: "Feature", geometry: {type: "Point", coordinates: [lon, lat]},
        properties: {edit: "open", layer, name: `${layer} ${at + 1}`, facility_id: `draft-${layer}-${at + 1}`, ...facts}});
    }
    for (const facility of edits.close) features.push({type: "Feature", geometry: null, properties: {edit: "close", facility}});
  }
  const mark = app.base.notice ? `（${app.base.notice}）` : "";
  const content = {type: "FeatureCollection", name: `${app.drafts.current.name}${mark}`.replace(CONTROLS, " "), features};
  download(JSON.stringify(content, null, 1), "application/geo+json", `${stem(app)}.geojson`);
}

/* Read the lines of a scenario that this page or `lifecircle site` wrote: tables of edits, each value as in JSON. */
function readToml(text) {
  const content = {edits: []};
  let table = content;
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const head = /^\[\[(\w+)\]\]\s*$/.exec(line);
    const pair = /^(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|[^#"]+?)\s*(?:#.*)?$/.exec(line);
    if (head) content.edits.push(table = {edit: head[1]});
    else if (/^\[/.test(line)) content.edits.push(table = {edit: "other"});
    else if (pair) {
      try {
        table[pair[1]] = JSON.parse(pair[2]);
      } catch {
        table.edit = "other";
      }
    }
  }
  return content;
}

function readGeojson(text) {
  const content = JSON.parse(text);
  return {name: content.name, edits: content.features.map(({properties, geometry}) => ({...properties,
    ...(geometry?.type === "Point" ? {lon: geometry.coordinates[0], lat: geometry.coordinates[1]} : {})}))};
}

/* Make a draft of a scenario file; what a draft cannot hold is counted. */
export function openScenario(app, text, name) {
  const content = /^\s*\{/.test(text) ? readGeojson(text) : readToml(text);
  const known = app.layers();
  const facilities = app.base.facilities.features.map(({properties}) => properties);
  const text80 = (value) => (typeof value === "string" ? value.slice(0, 80) : "");
  const number = (value) => (Number.isFinite(value) ? value : null);
  let left = 0;
  app.drafts.create();
  app.drafts.rename(text80(content.name) || text80(name));
  for (const edit of content.edits) {
    if (edit.edit === "open" && known.includes(edit.layer) && Number.isFinite(edit.lon) && Number.isFinite(edit.lat)) {
      app.drafts.edits(edit.layer).add.push({lon: edit.lon, lat: edit.lat, name: text80(edit.name), level: text80(edit.level) || null,
        capacity: number(edit.capacity), area_m2: number(edit.area_m2), effective_area_m2: number(edit.effective_area_m2)});
      continue;
    }
    const found = edit.edit === "close" && facilities.find((one) => known.includes(one.layer) && (edit.facility
      ? one.facility_id === edit.facility : one.layer === edit.layer && one.name === edit.name));
    if (found) app.drafts.edits(found.layer).close.push(found.facility_id);
    else left += 1;
  }
  return {edits: content.edits.length - left, left};
}

export function saveSheet(app) {
  const {t} = app;
  const input = el("input", {type: "file", id: "open-file", accept: ".toml,.geojson,.json", on: {change: async (event) => {
    const [file] = event.target.files;
    if (file) app.open(await file.text(), file.name.replace(/\.\w+$/, ""));
  }}});
  return [el("h3", {}, t.save), el("div", {class: "put"},
    button(t.saveScenario, () => app.attempt(() => saveScenario(app)), {id: "save-scenario"}),
    button(t.saveCsv, () => app.saveCsv(), {id: "save-csv-2"}),
    button(t.saveGeo, () => app.attempt(() => saveGeojson(app)), {id: "save-geojson"}),
    button(t.print, () => app.print(), {id: "print"})),
  el("p", {class: "note"}, t.scenarioHint),
  el("div", {class: "field"}, el("label", {for: "open-file"}, t.openScenario), input)];
}
