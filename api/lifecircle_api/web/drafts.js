/* The drafts of a run: kept in this browser under the run's id, so that a new run begins with none. */

const MOST_NAME = 80;
export const MOST_ADDED = 50;

function blank(name) {
  return {id: crypto.randomUUID ? crypto.randomUUID() : String(Math.random()), name, layers: {}};
}

/* What is read back may have been written by an older page or by hand: what does not fit is left out. */
function checked(content) {
  const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
  const text = (value) => (typeof value === "string" ? value.slice(0, MOST_NAME) : "");
  const drafts = Array.isArray(content?.drafts) ? content.drafts : [];
  return drafts.slice(0, 50).map((one) => {
    const draft = blank(text(one?.name));
    for (const [layer, edits] of Object.entries(one?.layers ?? {})) {
      const add = (Array.isArray(edits?.add) ? edits.add : []).filter((site) => number(site?.lon) !== null
        && number(site?.lat) !== null).slice(0, MOST_ADDED).map((site) => ({
        lon: site.lon, lat: site.lat, name: text(site.name), level: text(site.level) || null,
        capacity: number(site.capacity), area_m2: number(site.area_m2), effective_area_m2: number(site.effective_area_m2)}));
      draft.layers[layer] = {add, close: (Array.isArray(edits?.close) ? edits.close : []).filter(
        (id) => typeof id === "string").slice(0, 500), urban: number(edits?.urban), rural: number(edits?.rural),
      mode: text(edits?.mode) || null};
    }
    return draft;
  });
}

export class Drafts {
  constructor(runId, t) {
    this.key = `lifecircle:${runId}`;
    this.t = t;
    this.kept = true;
    let content = null;
    try {
      content = JSON.parse(localStorage.getItem(this.key) ?? "null");
    } catch {
      content = null;
    }
    this.all = checked(content);
    if (!this.all.length) this.all.push(blank(`${t.draft} 1`));
    this.at = Math.min(Math.max(Number(content?.at) || 0, 0), this.all.length - 1);
  }

  get current() {
    return this.all[this.at];
  }

  edits(layer, draft = this.current) {
    draft.layers[layer] ??= {add: [], close: [], urban: null, rural: null, mode: null};
    return draft.layers[layer];
  }

  save() {
    try {
      localStorage.setItem(this.key, JSON.stringify({at: this.at, drafts: this.all}));
      this.kept = true;
    } catch {
      this.kept = false;
    }
  }

  create() {
    let number = this.all.length + 1;
    while (this.all.some((draft) => draft.name === `${this.t.draft} ${number}`)) number += 1;
    this.all.push(blank(`${this.t.draft} ${number}`));
    this.at = this.all.length - 1;
  }

  copy() {
    const {name, layers} = this.current;
    this.all.splice(this.at + 1, 0, {...blank(`${name} ${this.t.copyOf}`.slice(0, MOST_NAME)),
      layers: structuredClone(layers)});
    this.at += 1;
  }

  rename(name) {
    this.current.name = name.trim().slice(0, MOST_NAME) || this.current.name;
  }

  remove() {
    this.all.splice(this.at, 1);
    if (!this.all.length) this.create();
    this.at = Math.min(this.at, this.all.length - 1);
  }
}

/* Give a draft's layer as the service is asked for it. */
export function question(layer, edits, rules) {
  const body = {layer, add: edits.add.map((site) => Object.fromEntries(Object.entries({
    ...site, lon: round(site.lon), lat: round(site.lat)}).filter(([, value]) => value !== null))), close: edits.close};
  const cutoffs = Object.fromEntries(["urban", "rural"].filter((kind) => rules[kind] && edits[kind] !== null
    && edits[kind] !== rules[kind].cutoff_min).map((kind) => [kind, edits[kind]]));
  if (Object.keys(cutoffs).length) body.cutoff_min = cutoffs;
  if (edits.mode) body.mode = edits.mode;
  return body;
}

export function round(degrees) {
  return Math.round(degrees * 1e7) / 1e7;
}

export function touched(edits) {
  return Boolean(edits.add.length || edits.close.length);
}
