/* Cards: what a click on a township, a place or a facility tells. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {cell, count, doubtLines, doubtMark, heads, mainState, minutes, plain, range, rateText, verdictText} = window.lifecircle;
  const NUMBERED = 12; // So many measures of the plan stand in a card unfolded.

  function layerName(layer, chosen, doubts, words) {
    return `<tr${layer.key === chosen ? ' class="lc-chosen"' : ""}><th scope="row" class="lc-service">${layer.label}${doubtMark(doubts, words)}</th>`;
  }

  function share(value, words) { return typeof value === "number" ? `${plain(value * 100)}%` : words.none; }

  /* ---- township ---- */

  function areaText(figures, words) {
    if (typeof figures.m2 !== "number") return words.none;
    const target = typeof figures.m2_target === "number" ? ` <small>/ ${plain(figures.m2_target)}</small>` : "";
    return plain(figures.m2) + target;
  }

  function townshipCard(unit, view) {
    const {facts, words} = view;
    const chosen = view.layer();
    const rows = facts.layers.map((layer) => {
      const figures = unit.figures[layer.key] || {};
      return layerName(layer, chosen.key, unit.doubts[layer.key], words) + cell(rateText(figures, words) + range(figures).replace("<small>", '<small class="lc-range">'), true) +
        cell(share(figures.target, words), true) + cell(count(figures.out, words), true) + cell(count(figures.undetermined, words), true) +
        cell(areaText(figures, words), true) + cell(verdictText(figures, words)) + "</tr>";
    });
    const inhabitants = typeof unit.people === "number" ? `<p>${words.people} ${count(unit.people, words)}</p>` : "";
    const doubts = doubtLines(unit.doubts[chosen.key], facts, chosen);
    return `<h3>${unit.name}</h3>${inhabitants}<table class="lc-table">${heads(words.township_table)}${rows.join("")}</table>` +
      `<p><small>${words.township_table_note}</small></p>${doubts}${lacking(unit, view)}${planRows(unit, view)}`;
  }

  function lacking(unit, view) {
    const {facts, words} = view;
    const lines = unit.lacking.map((gap) => {
      const layer = facts.layers.find((item) => item.key === gap.layer);
      const amount = gap.short === null ? `${words.lacking} ${words.few}` : `${words.lacking} ${gap.short.toLocaleString("en-US", {maximumFractionDigits: 0})} ${words.units[gap.unit] ?? gap.unit}`;
      const where = words.unit_names[gap.metric] ? ` (${words.unit_names[gap.metric]})` : "";
      return `<li>${layer.label}·${words.kind[gap.kind] || gap.kind}${words.colon}${amount}${where}</li>`;
    });
    return lines.length ? `<h4>${words.other_gaps}</h4><ul class="lc-lines">${lines.join("")}</ul>` : "";
  }

  /* The measures of the plan that have a figure in the township. */
  function planRows(unit, view) {
    const {facts, words} = view;
    const found = Object.entries(unit.plan || {});
    if (!facts.plan || !found.length) return "";
    const rows = found.map(([at, figures]) => {
      const measure = facts.plan.measures[at];
      const [verdict, actual, low, high, target] = figures;
      const chosen = view.theme().key === "plan" && Number(at) === view.state.measure;
      return `<tr${chosen ? ' class="lc-chosen"' : ""}><th scope="row" class="lc-wrap">${measure.number || ""} ${measure.title}</th>` +
        `<td class="lc-number">${view.planValue(actual, measure.unit)}</td><td class="lc-number">${view.planValue(target, measure.unit)}</td>` +
        `<td>${facts.colours.verdicts[verdict][1]} ${words.verdicts[verdict]}</td></tr>`;
    });
    const table = `<table class="lc-table">${heads(words.plan_table)}${rows.join("")}</table>`;
    const title = `${words.plan_items} ${rows.length}`;
    return rows.length > NUMBERED && view.theme().key !== "plan" ? `<details><summary>${title}</summary>${table}</details>` : `<h4>${title}</h4>${table}`;
  }

  /* ---- place ---- */

  function stateText(state, words) {
    return {in_time: `✓ ${words.in_time}`, out_of_time: `✗ ${words.out}`, undetermined: `? ${words.undetermined}`}[state] || words.none;
  }

  function cutoff(layer, place, words) {
    const rule = layer.rules.find((item) => item.class === place.class);
    return rule ? `${plain(rule.cutoff_min)}` : words.none;
  }

  function placeCard(place, view) {
    const {facts, words} = view;
    const extra = [];
    const rows = facts.layers.map((layer) => {
      const counts = place.counts[layer.key];
      const gaps = place.gaps[layer.key] || [];
      const reach = gaps.find((gap) => gap.kind === "reach") || {};
      gaps.filter((gap) => gap.kind !== "reach").forEach((gap) => extra.push(otherGap(layer, gap, words)));
      if (!counts) return "";
      const time = place.times[layer.key];
      const told = time ? cell(minutes(time[0], words), true) + cell(cutoff(layer, place, words), true) + cell(stateText(time[1], words)) +
        `<td class="lc-wrap">${time[2] || words.none}</td>` : cell(time === null ? words.few : words.none, true) + cell(cutoff(layer, place, words), true) +
        cell(time === null ? words.few : words.none) + cell(time === null ? words.few : words.none);
      return placeRow(layer, place, view) + told + cell(count(counts[2], words), true) + cell(count(counts[3], words), true) +
        cell(words.cause[reach.cause] || words.none) + "</tr>";
    });
    const merged = place.merged ? `<p>${words.merged}${words.colon}${place.merged}</p>` : "";
    return `<h3>${place.name}</h3><p>${place.township} · ${words.class[place.class] || place.class} · ` +
      `${words.people} ${count(place.people, words)}</p>${merged}` +
      `<table class="lc-table">${heads(words.place_table)}${rows.join("")}</table><p class="lc-told" aria-live="polite"></p>` +
      `<p><small>${words.place_table_note}${view.hasRoutes() ? ` ${words.route_note}` : ""}</small></p>${extra.join("")}`;
  }

  /* The name of a service is a button where there is a way to draw. */
  function placeRow(layer, place, view) {
    if (!view.routeOf(place.code, layer.key)) return layerName(layer, view.layer().key, null, view.words);
    return `<tr data-row="${layer.key}"${layer.key === view.layer().key ? ' class="lc-chosen"' : ""}><th scope="row" class="lc-service"><button type="button" class="lc-way" ` +
      `data-route="${place.code}" data-layer="${layer.key}" aria-pressed="false">${layer.label}</button></th>`;
  }

  function otherGap(layer, gap, words) {
    const parts = ["need", "have", "short"].filter((key) => typeof gap[key] === "number")
      .map((key) => `${words[key]} ${plain(gap[key])} ${words.units[gap.unit] ?? gap.unit}`);
    const level = gap.level && gap.level !== "all" ? ` (${words.levels[gap.level] || gap.level})` : "";
    return `<p>${layer.label}·${words.kind[gap.kind] || gap.kind}${level}${words.colon}` +
      `${[...parts, words.cause[gap.cause] || gap.cause].join(words.separator)}</p>`;
  }

  function placeTip(place, view) {
    const hidden = mainState(place.counts[view.layer().key]) === "hidden";
    return place.name + (hidden ? ` ${view.words.mostly.hidden}` : "");
  }

  /* ---- facility ---- */

  function facilityCard(place, view) {
    const {facts, words} = view;
    const layer = facts.layers.find((item) => item.key === place.layer);
    const joined = place.unjoined ? [words.unjoined] : typeof place.snap === "number" ? [`${words.snap} ${plain(place.snap)} m`] : [];
    const capacity = typeof place.capacity === "number" ? `${plain(place.capacity)} ${words.units[place.unit] ?? place.unit}` : words.unknown;
    const areas = ["area", "effective"].filter((key) => typeof place[key] === "number")
      .map((key) => [words[key], `${plain(place[key])} m²`]);
    const rows = [[words.layer, layer.label], [words.level, words.levels[place.level] || place.level],
      [words.capacity, capacity], ...areas,
      [words.source, `${place.source} (${words.quality[place.quality] || place.quality})`], [words.id, place.id]];
    const shown = rows.filter((row) => row[1]).map((row) => `<tr><th scope="row">${row[0]}</th>${cell(row[1])}</tr>`).join("");
    const state = [place.township || words.outside, words.status[place.status] || place.status, ...joined];
    return `<h3>${place.name || place.id}</h3><p>${state.join(" · ")}</p><table class="lc-table">${shown}</table>`;
  }

  return {facilityCard, placeCard, placeTip, townshipCard};
})());
