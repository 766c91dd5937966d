/* The theme of priority groups: how densely a group lives, with the places that a service does not reach outlined. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {HIDDEN, count, heads, icon, legendRow, mainState, plain, swatch, themes} = window.lifecircle;
  const DENSITY = ["#edf8b1", "#b5dfbd", "#63bfc0", "#2c86b8", "#24489c"]; // light to dark, told apart by all eyes
  const [FEW, NOT_TOLD] = ["url(#lc-hidden)", "url(#lc-no-data)"];
  const GAP = "#d9480f";

  /* What was not told has no figures at all; what is hidden has null. */
  function told(figures) { return figures !== undefined && figures.people !== undefined; }

  function densityColour(figures, group) {
    if (!told(figures)) return NOT_TOLD;
    if (typeof figures.km2 !== "number") return FEW;
    return DENSITY[Math.max(group.edges.filter((edge) => figures.km2 >= edge).length - 1, 0)];
  }

  function priorityDisc(figures, group, state) {
    if (!told(figures) || figures.people === 0) return null;
    const hidden = figures.people === null;
    const radius = hidden ? 4 : Math.round(4 + 8 * Math.sqrt(figures.people / Math.max(group.most || 1, 1)));
    const size = 2 * radius + 8;
    const ring = state === "out" ? `<circle r="${radius + 2}" fill="none" stroke="${GAP}" stroke-width="2.6"/>`
      : state === "undetermined" ? `<circle r="${radius + 2}" fill="none" stroke="${GAP}" stroke-width="2" stroke-dasharray="2.4 2"/>`
      : state === "hidden" ? `<circle r="${radius + 2}" fill="none" stroke="${HIDDEN}" stroke-width="2.6"/>` : "";
    return icon("lc-disc", `<svg width="${size}" height="${size}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}">` +
      `<circle r="${radius + 1}" fill="#fff"/><circle r="${radius}" fill="${hidden ? "#fff" : "#3b3b3b"}" stroke="#3b3b3b"/>${ring}</svg>`, size);
  }

  function mark(state, hidden) {
    return priorityDisc({people: hidden ? null : 1}, {most: 16}, state).options.html;
  }

  function densityText(figures, words) {
    return told(figures) ? count(figures.people, words) : words.no_data;
  }

  function choice(name, label, options, chosen) {
    const rows = options.map(([value, text]) => `<option value="${value}"${value === chosen ? " selected" : ""}>${text}</option>`);
    return `<select name="${name}" aria-label="${label}">${rows.join("")}</select>`;
  }

  function priorityFacts(theme, facts, state) {
    const words = facts.words;
    const group = theme.groups[state.group];
    const groups = theme.groups.map((item, index) => [index, item.name]);
    const density = (value) => (typeof value === "number" ? plain(value) : words.none);
    return `<div>${words.priority_group}${words.colon}${choice("group", words.priority_group, groups, state.group)}</div>` +
      `<div>${words.priority_gap}${words.colon}${choice("gap", words.priority_gap, facts.layers.filter((layer) => layer.rules.length).map((layer) => [layer.key, layer.label]), state.gap)}</div>` +
      `<div>${words.total} <b>${count(group.people, words)}</b> ${words.counts.people}</div>` +
      `<div>${density(group.km2)} ${words.per_km2}${words.separator}${density(group.per_1000)} ${words.per_1000}</div>` +
      `<div>${words.priority_out} ${count(group.out[state.gap], words)} ${words.counts.people}</div>`;
  }

  function priorityBands(theme, units, facts, state) {
    const words = facts.words;
    const group = theme.groups[state.group];
    const figures = units.map((unit) => (unit.priority || [])[state.group]);
    const known = figures.filter((item) => told(item) && typeof item.km2 === "number");
    const amount = (list) => `${list.length} ${words.counts.township}`;
    const rows = group.edges.map((edge, index) => {
      const upper = group.edges[index + 1];
      const text = upper === undefined ? `≥ ${plain(edge)}` : `${plain(edge)}–${plain(upper)}`;
      return legendRow(swatch(DENSITY[index]), text, amount(known.filter((item) => item.km2 >= edge && (upper === undefined || item.km2 < upper))));
    });
    const hidden = figures.filter((item) => told(item) && item.people === null);
    const missing = figures.filter((item) => !told(item));
    if (hidden.length) rows.push(legendRow(swatch(FEW), words.hidden, amount(hidden)));
    if (missing.length) rows.push(legendRow(swatch(NOT_TOLD), words.no_data, amount(missing)));
    return rows.reverse();
  }

  function priorityPlaceRows(theme, places, facts, state) {
    const words = facts.words;
    const shown = places.filter((place) => (place.priority || [])[state.group]);
    const own = shown.filter((place) => told(place.priority[state.group]) && place.priority[state.group].people !== 0);
    const amount = (list) => `${list.length} ${words.counts.place}`;
    const of = (name) => own.filter((place) => mainState(place.counts[state.gap]) === name);
    const rows = [legendRow(mark("", false), words.priority_reached, amount(own.filter((place) => !["out", "undetermined", "hidden"].includes(mainState(place.counts[state.gap]))))),
      legendRow(mark("out", false), words.mostly.out, amount(of("out")))];
    ["undetermined", "hidden"].filter((name) => of(name).length).forEach((name) =>
      rows.push(legendRow(mark(name, false), words.mostly[name], amount(of(name)))));
    const hidden = own.filter((place) => place.priority[state.group].people === null);
    if (hidden.length) rows.push(legendRow(mark("", true), words.hidden, amount(hidden)));
    return rows;
  }

  function priorityPopup(unit, facts, state, township) {
    const words = facts.words;
    const rows = facts.priority.groups.map((group, index) => {
      const own = (unit.priority || [])[index] || {};
      const density = [own.km2, own.per_1000].map((value) => `<td class="lc-number">${typeof value === "number" ? plain(value) : words.none}</td>`);
      const out = township ? `<td class="lc-number">${count((own.out || {})[state.gap], words)}</td>` : "";
      return `<tr${index === state.group ? ' class="lc-chosen"' : ""}><th scope="row">${group.name}</th>` +
        `<td class="lc-number">${densityText(own, words)}</td>${density.join("")}${out}</tr>`;
    });
    const gap = facts.layers.find((layer) => layer.key === state.gap).label;
    const titles = [...words.priority_table, ...(township ? [`${gap}·${words.priority_out}`] : [])];
    const reach = township ? "" : `<p>${gap}${words.colon}${words.mostly[mainState(unit.counts[state.gap])]}</p>`;
    return `<h3>${unit.name}</h3>${township ? "" : `<p>${unit.township}</p>`}<table class="lc-table">` +
      `${heads(titles)}${rows.join("")}</table>${reach}<p><small>${words.hidden_note}</small></p>`;
  }

  themes.priority = {
    available: (facts) => facts.priority !== null,
    label: (facts) => facts.priority,
    shows: ["townships", "places", "ground", "names"],
    basis: (view) => view.words.basis_priority,
    fill: (unit, view) => densityColour((unit.priority || [])[view.state.group], view.facts.priority.groups[view.state.group]),
    unitText: (unit, view) => densityText((unit.priority || [])[view.state.group], view.words),
    mark(member, view) {
      const place = member.feature.properties;
      return priorityDisc((place.priority || [])[view.state.group], view.facts.priority.groups[view.state.group], mainState(place.counts[view.state.gap]));
    },
    placeTip: (place) => place.name,
    unitCard: (unit, view) => priorityPopup(unit, view.facts, view.state, true),
    placeCard: (place, view) => priorityPopup(place, view.facts, view.state, false),
    facts: (view) => priorityFacts(view.facts.priority, view.facts, view.state),
    legend(view) {
      const places = view.members.places.map((member) => member.feature.properties);
      return [view.group("townships", "", priorityBands(view.facts.priority, view.units, view.facts, view.state), view.words.priority_density),
        view.group("places", view.words.priority_places_note, priorityPlaceRows(view.facts.priority, places, view.facts, view.state)),
        `<p class="lc-note">${view.words.hidden_note}</p>`];
    },
  };

  return {densityColour, densityText, priorityBands, priorityDisc, priorityFacts, priorityPlaceRows, priorityPopup};
})());
