/* The theme of all services together: what the panel and the pop-ups say of it. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {count, doubtLines, heads, parts, percent, plain, range, rateText, themes} = window.lifecircle;
  const BAR = "#4b82b4";

  function bar(share, colour) {
    return `<span class="lc-bar"><span style="width:${(100 * (share || 0)).toFixed(1)}%;background:${colour}"></span></span>`;
  }

  /* How many services people have, and the one that would complete most of them. */
  function circleFacts(circle, facts) {
    const words = facts.words;
    const figures = circle.district;
    const label = (key) => facts.layers.find((layer) => layer.key === key).label;
    const rows = [...circle.by_k].reverse().map(([k, share]) =>
      `<tr><td>${k} ${words.services}</td><td>${bar(share, BAR)}</td><td class="lc-number">${percent(share, words.none)}</td></tr>`);
    const only = Object.entries(figures.only || {}).filter((item) => item[1] > 0).sort((a, b) => b[1] - a[1]);
    const most = only.filter((item) => item[1] === only[0][1]).map((item) => label(item[0]));
    const lines = [`${words.all_rate} <b>${percent(figures.rate, words.none)}</b>${range(figures)}`,
      `${words.services_mean} ${typeof figures.mean === "number" ? plain(figures.mean) : words.none}/${circle.members.length}`];
    if (only.length) lines.push(`${words.completes}${words.colon}<b class="lc-small">${most.join(words.list)}</b>` +
      ` (${count(only[0][1], words)} ${words.counts.people})`);
    return `${lines.map((line) => `<div>${line}</div>`).join("")}<table class="lc-steps">${rows.join("")}</table>`;
  }

  /* A table of the services: the share of the people that lacks each, the binding ones in bold. */
  function lackTable(lacking, binding, facts, titles, more) {
    const rows = facts.layers.filter((layer) => layer.key in lacking).map((layer) => {
      const binds = binding.includes(layer.key);
      return `<tr${binds ? ' class="lc-chosen"' : ""}><th scope="row">${layer.label}</th><td>${bar(lacking[layer.key], "#e08a35")}</td>` +
        `<td class="lc-number">${percent(lacking[layer.key], facts.words.none)}</td>${more ? more(layer.key) : ""}</tr>`;
    });
    return `<table class="lc-table">${heads(titles)}${rows.join("")}</table>`;
  }

  function cutoffText(layer, place, words) {
    const rule = layer.rules.find((item) => item.class === place.class);
    return rule ? `${plain(rule.cutoff_min)} ${words.minutes}` : words.none;
  }

  function bindingText(binding, facts) {
    const names = facts.layers.filter((layer) => binding.includes(layer.key)).map((layer) => layer.label);
    return `${facts.words.binding}${facts.words.colon}${names.join(facts.words.list) || facts.words.lacks_none}`;
  }

  function circlePlacePopup(place, facts) {
    const words = facts.words;
    const own = place.services;
    const head = `<h3>${place.name}</h3><p>${place.township} · ${words.class[place.class] || place.class} · ` +
      `${words.people} ${count(place.people, words)}</p>`;
    if (!own.counts[0]) return head;
    const rate = own.counts[1] / own.counts[0];
    const high = (own.counts[1] + own.counts[3]) / own.counts[0];
    return `${head}<p><b>${words.all_rate} ${percent(rate, words.none)}</b>${range({low: rate, high: high})}${words.separator}` +
      `${words.services_mean} ${plain(own.mean)}/${facts.circle.members.length}</p>` +
      lackTable(own.lacking, own.binding, facts, [words.lack_table[0], "", words.lack_table[1], words.rule],
        (key) => `<td class="lc-number">${cutoffText(facts.layers.find((layer) => layer.key === key), place, words)}</td>`) +
      `<p><b>${bindingText(own.binding, facts)}</b></p>`;
  }

  function circleTownshipPopup(unit, facts) {
    const words = facts.words;
    const figures = unit.figures[facts.circle.key] || {};
    const people = unit.residents;
    const lacking = {};
    Object.entries(figures.lacking || {}).forEach(([key, amount]) => { lacking[key] = people ? amount / people : null; });
    const most = Math.max(0, ...Object.values(figures.lacking || {}));
    const binding = Object.keys(lacking).filter((key) => most > 0 && figures.lacking[key] === most);
    return `<h3>${unit.name}</h3><p>${words.people} ${count(people, words)}</p>` +
      `<p><b>${words.all_rate} ${percent(figures.rate, words.none)}</b>${range(figures)}${words.separator}` +
      `${words.services_mean} ${typeof figures.mean === "number" ? plain(figures.mean) : words.none}/${facts.circle.members.length}</p>` +
      lackTable(lacking, binding, facts, [words.lack_table[0], "", words.lack_table[1], words.lack_table[2]],
        (key) => `<td class="lc-number">${count((figures.only || {})[key], words)}</td>`) +
      `<p><b>${bindingText(binding, facts)}</b></p>${doubtLines(unit.doubts[facts.circle.key], facts, facts.circle)}`;
  }

  /* What the pop-up of any theme adds of all services together. */
  function circleNote(place, facts) {
    if (!place.services || !place.services.counts[0]) return "";
    const rate = place.services.counts[1] / place.services.counts[0];
    return `<p>${facts.words.all_rate} ${percent(rate, facts.words.none)}${facts.words.separator}${bindingText(place.services.binding, facts)}</p>`;
  }

  themes.all = {
    available: (facts) => facts.circle !== null,
    label: (facts) => facts.circle,
    shows: ["townships", "places", "ground", "names"],
    basis: (view) => view.words.basis_all,
    scale: (view) => ({edges: view.facts.circle.edges, fills: view.facts.colours.ramps.all, edge: (value) => plain(value * 100), unit: "%"}),
    value: (unit, view) => (unit.figures[view.facts.circle.key] || {}).rate,
    unitText: (unit, view) => rateText(unit.figures[view.facts.circle.key] || {}, view.words),
    mark: parts.placeDisc,
    unitCard: (unit, view) => circleTownshipPopup(unit, view.facts),
    placeCard: (place, view) => circlePlacePopup(place, view.facts),
    facts: (view) => circleFacts(view.facts.circle, view.facts) + parts.doubtLine(view),
    legend: (view) => [view.bands(view.words.townships_all), view.group("places", view.words.places_note, parts.placeRows(view, view.words.all_of))],
  };

  return {circleNote, circleFacts, circlePlacePopup, circleTownshipPopup};
})());
