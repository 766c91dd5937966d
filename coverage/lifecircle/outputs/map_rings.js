/* The theme of rings: how far 15 and 30 minutes go, beside the service circle; and the code of compact shapes. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {legendRow, parts, percent, plain, people} = window.lifecircle;
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const STEP = 1e5;
  const LINES = [{color: "#123f5e", weight: 1.2, dashArray: null, fillColor: "#4f87b0", fillOpacity: 0.42},
    {color: "#8c3f00", weight: 1, dashArray: "4 3", fillColor: "#e6b877", fillOpacity: 0.35}];

  /* Latitudes and longitudes out of differences in digits of five bits. */
  function decode(text) {
    const found = [];
    const at = [0, 0];
    let [value, bits, axis] = [0, 0, 0];
    for (const letter of text) {
      const digit = DIGITS.indexOf(letter);
      value += (digit & 31) * 2 ** bits;
      bits += 5;
      if (digit & 32) continue;
      at[axis] += value % 2 ? -(value + 1) / 2 : value / 2;
      if (axis) found.push([at[1] / STEP, at[0] / STEP]);
      [value, bits, axis] = [0, 0, 1 - axis];
    }
    return found;
  }

  function ofLayer(view) { return view.facts.rings[view.layer().key] || []; }

  function drawn(ring, index, view) {
    ring.shapes = ring.shapes || ring.parts.map((rings) => rings.map(decode));
    return L.polygon(ring.shapes, {pane: "lc-circles", renderer: view.ringRenderer, interactive: false, opacity: 0.95, ...LINES[index]});
  }

  const rings = {
    services: (facts) => facts.layers.filter((layer) => (facts.rings[layer.key] || []).length),
    shows: ["circles", "ring0", "ring1", "facilities", "ground", "names"],
    basis: (view) => view.words.basis_rings,
    extra: (view) => ofLayer(view).map((ring, index) => (view.state[`ring${index}`] ? drawn(ring, index, view) : null)).filter(Boolean).reverse(),
    unitText: (unit, view) => window.lifecircle.themes.reach.unitText(unit, view),
    facts(view) {
      const words = view.words;
      const total = view.units.reduce((sum, unit) => sum + (unit.residents || 0), 0);
      const told = ofLayer(view).map((ring) => `${plain(ring.minutes)} ${words.minutes}${words.colon}<b class="lc-small">${people(ring.people, words)}</b>` +
        (typeof ring.people === "number" && total ? ` (${percent(ring.people / total, words.none)})` : ""));
      return parts.lines([`${words.rule}${words.colon}${parts.ruleText(view.layer(), words)}`, ...told]) +
        `<div><small>${words.rings_note}</small></div>${parts.doubtLine(view)}`;
    },
    legend(view) {
      const words = view.words;
      const groups = ofLayer(view).map((ring, index) => {
        const line = `<svg width="26" height="12" aria-hidden="true"><path d="M1 1H25V11H1Z" fill="${LINES[index].fillColor}" fill-opacity="${LINES[index].fillOpacity}" stroke="${LINES[index].color}" stroke-width="${LINES[index].weight}"` +
          `${LINES[index].dashArray ? ` stroke-dasharray="${LINES[index].dashArray}"` : ""}/></svg>`;
        return view.group(`ring${index}`, `${line} ${ring.label}`, [legendRow("", `${ring.km2 === null ? words.none : plain(Math.round(ring.km2))} km²`, people(ring.people, words))],
          `${plain(ring.minutes)} ${words.minutes}`);
      });
      return [view.group("circles", `<span class="lc-swatch lc-circle"></span> ${words.circles_note}`, []), ...groups, view.facilityGroup()];
    },
  };

  window.lifecircle.themes.rings = rings;
  return {decode};
})());
