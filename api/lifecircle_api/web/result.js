/* What is asked (service, mode, cutoffs) and what comes of it: the figures of the district, townships and gaps. */

import {button, el, field, select, table} from "./dom.js";
import {percent, signed, whole} from "./words.js";

const MOST_ROWS = 50;

export function label(base, layer, language) {
  const own = base.layers.find((one) => one.layer === layer);
  return own?.[`label_${language}`] || layer;
}

/* The fields by which a planner says what is judged, and by which rule. */
export function askedFields(app) {
  const {t, base, layer, edits} = app;
  const words = base.words[t.language];
  const rules = app.rules(layer);
  const modes = app.live?.modes ?? [];
  const asNow = ["urban", "rural"].filter((kind) => rules[kind]).map((kind) => words.mode[rules[kind].mode] ?? rules[kind].mode);
  const slider = (kind) => {
    const minutes = edits[kind] ?? rules[kind].cutoff_min;
    const shown = el("output", {for: `cutoff-${kind}`, id: `minutes-${kind}`}, `${minutes} ${t.minutes}`);
    const input = el("input", {type: "range", min: 5, max: 60, step: 1, value: minutes, on: {input: (event) => {
      shown.textContent = `${event.target.value} ${t.minutes}`;
      app.set({[kind]: Number(event.target.value)}, {fields: false});
    }}});
    input.setAttribute("aria-valuetext", `${minutes} ${t.minutes}`);
    input.addEventListener("input", () => input.setAttribute("aria-valuetext", shown.textContent));
    const box = field(`cutoff-${kind}`, `${t.cutoff} ${t[kind]}`, input, {class: "field slider"});
    box.append(shown);
    return box;
  };
  const changed = edits.mode || ["urban", "rural"].some((kind) => rules[kind] && edits[kind] !== null
    && edits[kind] !== rules[kind].cutoff_min);
  return [
    field("service", t.service, select(app.layers().map((name) => [name, label(base, name, t.language)]), layer,
      (value) => app.choose(value))),
    field("mode", t.mode, select([["", `${t.byRule}${t.colon}${[...new Set(asNow)].join(" / ")}`],
      ...modes.map((mode) => [mode, words.mode[mode] ?? mode])], edits.mode ?? "", (value) => app.set({mode: value || null}))),
    ...["urban", "rural"].filter((kind) => rules[kind]).map(slider),
    el("p", {class: "rule"}, `${t.ruleNow}${t.colon}${["urban", "rural"].filter((kind) => rules[kind]).map((kind) => `${t[kind]} ${rules[kind].cutoff_min} ${t.minutes}`).join(t.lists)} `,
      changed ? button(t.asRule, () => app.set({urban: null, rural: null, mode: null}), {id: "as-rule", class: "small"}) : null),
  ];
}

export function districtRow(answer, code, kind = "all") {
  return answer.coverage.find((row) => row.township_code === code && row.class === kind);
}

export function totals(answer) {
  const sum = (name) => answer.places.reduce((total, row) => total + (row[name] ?? 0), 0);
  return {won: sum("people_won"), lost: sum("people_lost")};
}

function fact(name, text, id) {
  return el("div", {class: "fact"}, el("dt", {}, name), el("dd", {id}, text));
}

export function resultFacts(app, answer) {
  const {t, base} = app;
  const row = districtRow(answer, base.district.code);
  const {won, lost} = totals(answer);
  const points = row.coverage_rate === null || row.coverage_rate_before === null ? null
    : 100 * (row.coverage_rate - row.coverage_rate_before);
  const area = answer.area?.find((one) => one.township_code === base.district.code);
  const perHead = (value) => (value === null || value === undefined ? t.unknown : value.toFixed(2));
  const group = base.words[t.language].group[answer.group] ?? answer.group;
  const changed = answer.coverage.filter((one) => one.class === "all" && one.township_code !== base.district.code
    && one.people_in_time !== one.people_in_time_before).length;
  return [
    el("h2", {}, `${t.rate}`, el("small", {}, label(base, answer.layer, t.language))),
    el("p", {class: "big"},
      el("span", {class: "then"}, el("small", {}, t.before), el("span", {id: "rate-before"}, percent(row.coverage_rate_before, t))),
      el("span", {class: "arrow", "aria-hidden": "true"}, "→"),
      el("span", {class: "now"}, el("small", {}, t.after), el("strong", {id: "rate-after"}, percent(row.coverage_rate, t))),
      el("span", {class: `delta ${points > 0.005 ? "up" : points < -0.005 ? "down" : ""}`, id: "points"},
        points === null ? "" : `${signed(points, Math.abs(points) < 0.1 ? 2 : 1)} ${t.points}`)),
    el("dl", {class: "facts"},
      fact(t.won, `${whole(won, t)} ${t.people}`, "won"), fact(t.lost, `${whole(lost, t)} ${t.people}`, "lost"),
      fact(t.out, `${whole(row.people_out, t)} ${t.people}`, "out"),
      fact(t.undetermined, `${whole(row.people_undetermined, t)} ${t.people}`, "undetermined"),
      area ? fact(t.perHead, `${perHead(area.area_per_head_m2_before)} → ${perHead(area.area_per_head_m2)} ${t.m2Head}`, "per-head") : null,
      fact(t.townsChanged, `${changed}`, "towns-changed")),
    el("p", {class: "note"}, `${t.basis}${t.colon}${group}${t.basisGroup}${answer.estimated ? `${t.lists}${t.estimated}` : ""}`),
  ];
}

/* The least that must be seen beside the map where the panel is out of sight. */
export function glance(app, answer) {
  const row = districtRow(answer, app.base.district.code);
  return `${percent(row.coverage_rate_before, app.t)} → ${percent(row.coverage_rate, app.t)}`;
}

/* One sentence for who cannot see the map. */
export function sentence(app, answer) {
  const {t, base} = app;
  const row = districtRow(answer, base.district.code);
  const {won, lost} = totals(answer);
  return `${t.rate} ${percent(row.coverage_rate_before, t)} → ${percent(row.coverage_rate, t)}${t.lists}${t.won} ${whole(won, t)} ${t.people}${t.lists}`
    + `${t.lost} ${whole(lost, t)} ${t.people}${t.lists}${t.gapsCount} ${answer.gaps.length}`;
}

export function townSheet(app, answer) {
  const {t, base} = app;
  const rows = answer.coverage.filter((row) => row.class === "all" && row.township_code !== base.district.code);
  const moved = (row) => (row.people_in_time ?? 0) - (row.people_in_time_before ?? 0);
  rows.sort((one, other) => Math.abs(moved(other)) - Math.abs(moved(one)) || one.township_code.localeCompare(other.township_code));
  const area = new Map((answer.area ?? []).map((row) => [row.township_code, row]));
  const head = [[t.township, ""], [t.before, "number"], [t.after, "number"], [`${t.change} ${t.people}`, "number"],
    ...(answer.area ? [[t.m2Head, "number"]] : [])];
  return [table(head, rows.map((row) => [row.township, percent(row.coverage_rate_before, t), percent(row.coverage_rate, t),
    moved(row) ? signed(moved(row)) : "0", ...(answer.area ? [area.get(row.township_code)?.area_per_head_m2?.toFixed(2) ?? t.unknown] : [])]),
  `${t.towns}${t.colon}${t.townsChanged} ${rows.filter(moved).length}`)];
}

/* The gaps, the worst first; of areas per head those stand on top. */
export function gapSheet(app, answer) {
  const {t, base} = app;
  const words = base.words[t.language];
  const chosen = app.township;
  const towns = base.townships.features.map(({properties}) => [properties.code, properties.name]);
  const people = (gap) => (gap.people_out ?? 0) + (gap.people_undetermined ?? 0);
  const listed = answer.gaps.filter((gap) => !chosen || gap.township_code === chosen);
  const rows = [...listed].sort((one, other) => (other.kind === "area") - (one.kind === "area") || people(other) - people(one)
    || one.place_code.localeCompare(other.place_code));
  const where = new Map(base.places.features.map((feature) => [feature.properties.code, feature.geometry.coordinates]));
  const place = (gap) => {
    if (gap.kind === "area") return `${gap.township} · ${words.kind.area}`;
    const at = where.get(gap.place_code);
    return [at ? button(gap.place, () => app.view.goTo(at[1], at[0]), {class: "link", title: t.goTo}) : gap.place,
      chosen ? null : el("small", {}, gap.township)];
  };
  const head = [[t.place, ""], [t.out, "number"], [t.undet, "number"], [t.median, "number"], [t.nearest, ""], [t.cause, ""]];
  return [
    field("gap-town", t.township, select([["", t.allTowns], ...towns], chosen, (value) => app.filter(value))),
    rows.length ? table(head, rows.slice(0, MOST_ROWS).map((gap) => [place(gap), ...(gap.kind === "area"
      ? [`${t.short} ${whole(gap.short, t)} ${t.m2}`, "", "", ""]
      : [whole(gap.people_out, t), whole(gap.people_undetermined, t), gap.minutes_median === null ? "—" : gap.minutes_median.toFixed(1),
        gap.nearest_facility || "—"]), words.cause[gap.cause] ?? gap.cause]),
    `${t.gaps}${t.colon}${rows.length}${t.items}${rows.length > MOST_ROWS ? `${t.lists}${t.shownOf} ${MOST_ROWS}` : ""}`) : el("p", {}, t.noGaps),
    button(t.saveCsv, () => app.saveCsv(), {id: "save-csv"}),
  ];
}
