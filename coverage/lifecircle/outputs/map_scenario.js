/* The theme of a scenario: what its new facilities gain and which roads it changes; two runs beside each other are another page. */
Object.assign(window.lifecircle.themes, (function () {
  "use strict";

  const {decode, legendRow, parts, people, plain} = window.lifecircle;
  const ROADS = {build: {color: "#1763a6", dashArray: null}, upgrade: {color: "#7a3d9c", dashArray: "12 4"}, cut: {color: "#a3260f", dashArray: "2 6"}};

  function gains(view) { return view.facts.before_after.gains.filter((gain) => gain.layer === view.layer().key); }

  const scenario = {
    available: (facts) => Boolean(facts.before_after),
    services: (facts) => facts.layers,
    shows: ["townships", "roads", "places", "facilities", "ground", "names"],
    basis: (view) => view.words.basis_scenario,
    scale: (view) => window.lifecircle.themes.reach.scale(view),
    value: (unit, view) => window.lifecircle.themes.reach.value(unit, view),
    unitText: (unit, view) => window.lifecircle.themes.reach.unitText(unit, view),
    mark: (member, view) => window.lifecircle.themes.reach.mark(member, view),
    extra(view) {
      const roads = view.state.roads ? view.facts.before_after.roads : [];
      return roads.flatMap((road) => road.lines.map((line) => L.polyline(decode(line), {pane: "lc-names", weight: 5, opacity: 0.95, interactive: false, ...ROADS[road.edit]})));
    },
    facts(view) {
      const words = view.words;
      const own = words.compare;
      const found = gains(view);
      const whole = found.find((gain) => gain.together !== undefined);
      const rows = found.filter((gain) => gain.name).map((gain) => `<li>${gain.name} <span>${own.alone} ${people(gain.alone, words)}${words.separator}${own.last} ${people(gain.last, words)}</span></li>`);
      const total = whole ? `<div>${own.together} <b>${people(whole.together, words)}</b></div>` : "";
      return `<div>${words.scenario}${words.colon}${view.facts.scenario}</div>${total}${rows.length ? `<ul class="lc-top">${rows.join("")}</ul>` : ""}` +
        `<div>${words.compare_with}</div><code>lifecircle compare BEFORE ${view.facts.before_after.after} --out DIR</code>`;
    },
    legend(view) {
      const words = view.words;
      const roads = Object.keys(ROADS).map((edit) => [edit, view.facts.before_after.roads.filter((road) => road.edit === edit)]).filter(([, some]) => some.length)
        .map(([edit, some]) => legendRow(`<svg width="24" height="8" aria-hidden="true"><path d="M1 4H23" stroke="${ROADS[edit].color}" stroke-width="4"` +
          `${ROADS[edit].dashArray ? ` stroke-dasharray="${ROADS[edit].dashArray}"` : ""}/></svg>`, words.compare[edit], `${plain(some.reduce((km, road) => km + road.km, 0))} km`));
      return [view.bands(), ...(roads.length ? [view.group("roads", "", roads, words.compare.roads)] : []),
        view.group("places", words.places_note, parts.placeRows(view, words.mostly)), view.facilityGroup()];
    },
  };

  return {scenario};
})());
