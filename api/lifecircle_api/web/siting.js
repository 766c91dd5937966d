/* Let the service choose sites: start a job, watch it, put what it found into the draft. */

import {button, el, field, select, table} from "./dom.js";
import {percent, whole} from "./words.js";
import {json, request} from "./service.js";

const POLL_MS = 700;
const ENDED = ["successful", "failed", "dismissed"];

export class Siting {
  constructor(app) {
    Object.assign(this, {app, job: null, found: null, count: 3, model: "mclp", layer: null});
  }

  async start() {
    const {app} = this;
    this.layer = app.layer;
    this.found = null;
    const answer = await request("/processes/site/execution", {method: "POST",
      body: {inputs: {layer: app.layer, new: this.count, model: this.model}}});
    this.job = await answer.json();
    this.address = answer.headers.get("Location") ?? `/jobs/${this.job.jobID}`;
    if (!this.address.startsWith("/")) this.address = new URL(this.address).pathname;
    await this.watch();
  }

  async watch() {
    const {app, address} = this;
    while (this.job && this.address === address && !ENDED.includes(this.job.status)) {
      app.show("siting");
      await new Promise((done) => setTimeout(done, POLL_MS));
      if (!this.job || this.address !== address) return;
      this.job = await json(address);
    }
    if (this.job?.status === "successful") this.found = await json(`${address}/results`);
    app.show("siting");
    app.say(`${app.t.siting}${app.t.colon}${app.t.status[this.job?.status] ?? this.job?.status ?? ""}`);
  }

  async stop() {
    await request(this.address, {method: "DELETE"});
    this.job = {...this.job, status: "dismissed"};
    this.app.show("siting");
  }

  sheet() {
    const {app} = this;
    const {t} = app;
    const busy = Boolean(this.job) && !ENDED.includes(this.job.status);
    return [el("h3", {}, t.siting),
      el("div", {class: "hand"}, field("site-count", t.count, el("input", {type: "number", min: 1, max: 50, value: this.count,
        on: {change: (event) => {
          this.count = Math.min(50, Math.max(1, Math.round(Number(event.target.value)) || 1));
        }}})), field("site-model", t.model, select(Object.entries(t.models), this.model, (value) => {
        this.model = value;
      })), busy ? button(t.stop, () => app.attempt(() => this.stop()), {id: "site-stop"})
        : button(t.start, () => app.attempt(() => this.start()), {id: "site-start"})),
      this.job ? this.progress(busy) : null, this.found ? this.results() : null];
  }

  progress(busy) {
    const {t} = this.app;
    const {status, progress, message} = this.job;
    return el("div", {class: "job"}, el("label", {for: "site-progress"}, `${t.status[status] ?? status} ${message ?? ""}`),
      el("progress", {id: "site-progress", max: 100, value: busy ? progress ?? 0 : status === "successful" ? 100 : progress ?? 0}));
  }

  results() {
    const {app, found} = this;
    const {t} = app;
    const gap = Number.isFinite(found.gap) ? `${t.lists}${t.gapTo} ${percent(found.gap, t)}` : "";
    return el("div", {}, table([["#", "number"], [t.name, ""], [t.wins, "number"]],
      found.sites.map((site, at) => [String(site.rank ?? at + 1), site.name || site.candidate_id, whole(site.people_won, t)]),
      `${t.found} ${found.sites.length}${gap}`),
    button(t.intoDraft, () => app.adopt(this.layer, found.sites), {id: "site-adopt"}));
  }
}
