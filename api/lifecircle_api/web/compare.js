/* Drafts side by side, for the service that is shown. */

import {el, table} from "./dom.js";
import {question} from "./drafts.js";
import {districtRow, label, totals} from "./result.js";
import {json} from "./service.js";
import {percent, signed, whole} from "./words.js";

const MOST_KEPT = 60;

export class Comparison {
  constructor(app) {
    Object.assign(this, {app, kept: new Map(), asked: 0});
  }

  questions() {
    const {app} = this;
    const {drafts, layer} = app;
    return drafts.all.map((draft) => [draft, question(layer, drafts.edits(layer, draft), app.rules(layer))]);
  }

  /* Ask for the drafts that have no answer yet, one after the other, and show each as it comes. */
  async fetch() {
    const turn = ++this.asked;
    for (const [, body] of this.questions()) {
      const key = JSON.stringify(body);
      if (this.kept.has(key)) continue;
      const answer = await json("/what-if", {method: "POST", body});
      while (this.kept.size >= MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
      this.kept.set(key, answer);
      if (turn !== this.asked) return;
      this.app.show("compare");
    }
  }

  sheet() {
    const {app} = this;
    const {t, base, layer} = app;
    const code = base.district.code;
    const columns = this.questions().map(([draft, body]) => [draft, body, this.kept.get(JSON.stringify(body))]);
    const known = columns.map(([, , answer]) => answer).find(Boolean);
    const of = (show) => columns.map(([, body, answer]) => (answer ? show(answer, districtRow(answer, code), body) : "…"));
    const head = (answer) => answer.area?.find((row) => row.township_code === code);
    const m2 = (value) => (value === null || value === undefined ? t.unknown : value.toFixed(2));
    const rule = (answer) => ["urban", "rural"].filter((kind) => answer[kind]).map((kind) => `${t[kind]} ${answer[kind].cutoff_min} ${t.minutes}${
      answer[kind].mode === app.rules(layer)[kind].mode ? "" : ` ${base.words[t.language].mode[answer[kind].mode] ?? answer[kind].mode}`}`).join(t.lists);
    const now = known && districtRow(known, code);
    const rows = [
      [t.rate, now ? percent(now.coverage_rate_before, t) : "…", ...of((answer, row) => percent(row.coverage_rate, t))],
      [`${t.change} ${t.points}`, "—", ...of((answer, row) => signed(100 * (row.coverage_rate - row.coverage_rate_before), 1))],
      [`${t.won} ${t.people}`, "—", ...of((answer) => whole(totals(answer).won, t))],
      [`${t.lost} ${t.people}`, "—", ...of((answer) => whole(totals(answer).lost, t))],
      [t.gapsCount, "—", ...of((answer) => String(answer.gaps.length))],
      ...(known?.area ? [[t.m2Head, m2(head(known).area_per_head_m2_before), ...of((answer) => m2(head(answer).area_per_head_m2))]] : []),
      [t.opened, "—", ...of((answer, row, body) => String(body.add.length))],
      [t.shut, "—", ...of((answer, row, body) => String(body.close.length))],
      [t.rules, "—", ...of(rule)],
    ];
    return [el("div", {class: "wide", tabindex: 0, role: "group", "aria-label": t.compare},
      table([[t.inService, ""], [t.today, "number"], ...columns.map(([draft]) => [draft.name, "number"])], rows,
        `${t.compare}${t.colon}${label(base, layer, t.language)}`))];
  }
}
