/* What the page is made of: numbers, scales and marks.
   Every text in facts and properties is HTML already (escaped before it came here) and goes into markup as it is. */
window.lifecircle = (function () {
  "use strict";

  const STATES = {in_time: "#2b6ca3", out: "#d9710f", undetermined: "url(#lc-hatch)"};
  const STATE_KEYS = ["in_time", "out", "undetermined"];
  const HIDDEN = "#b0b0b0"; // What must not be told has one colour, whatever it is.
  const SITE = "#33203f";
  const TOLD = 3; // So many findings are told in words.

  /* ---- numbers and small markup ---- */

  function percent(rate, none) {
    if (rate === null || rate === undefined) return none;
    const shown = Math.round(rate * 1000) / 10;
    return Math.min(Math.max(shown, rate > 0 ? 0.1 : 0), rate < 1 ? 99.9 : 100).toFixed(1) + "%";
  }

  /* A rate that is null is hidden; one that is missing is not known. */
  function rateText(figures, words) {
    return figures.rate === null ? words.few : percent(figures.rate, words.none);
  }

  /* The interval, where it is more than a point as shown. */
  function range(figures) {
    const [low, high] = [percent(figures.low, ""), percent(figures.high, "")];
    return low === high || !low || !high ? "" : ` <small>${low}–${high}</small>`;
  }

  function count(people, words) {
    if (people === undefined) return words.none;
    return people === null ? words.few : Math.round(people).toLocaleString("en-US");
  }

  function people(value, words) {
    return `${count(value, words)}${typeof value === "number" && words.counts.people ? ` ${words.counts.people}` : ""}`;
  }

  function minutes(value, words) {
    if (value === null || value === undefined) return words.none;
    return value === "inf" ? words.unreachable : value.toFixed(1);
  }

  function plain(value) {
    return value.toLocaleString("en-US", {maximumFractionDigits: 2});
  }

  function cell(content, number) {
    return `<td${number ? ' class="lc-number"' : ""}>${content}</td>`;
  }

  function table(texts, rows) {
    return `<table class="lc-table">${heads(texts)}${rows.join("")}</table>`;
  }

  function heads(texts) {
    return `<tr>${texts.map((text) => (text ? `<th scope="col">${text}</th>` : "<td></td>")).join("")}</tr>`;
  }

  function swatch(colour) {
    return `<svg class="lc-swatch" width="22" height="12" aria-hidden="true"><rect width="22" height="12" fill="${colour}"/></svg>`;
  }

  function legendRow(mark, text, amount) {
    return `<div class="lc-row">${mark}<span>${text}</span><span>${amount}</span></div>`;
  }

  /* ---- scales: edges from little to much, a colour for each ---- */

  /* A value that is null is hidden, one that is missing is not known; both have a pattern, as no colour says so. */
  function scaleColour(value, scale) {
    if (value === null) return "url(#lc-hidden)";
    if (value === undefined) return "url(#lc-no-data)";
    return scale.fills[Math.max(scale.edges.filter((edge) => value >= edge).length - 1, 0)];
  }

  function bandRows(values, scale, words, counted) {
    const known = values.filter((value) => typeof value === "number");
    const rows = scale.edges.map((lower, index) => {
      const upper = index + 1 < scale.edges.length ? scale.edges[index + 1] : Infinity;
      const amount = known.filter((value) => (value >= lower || index === 0) && value < upper).length;
      const text = upper === Infinity ? `≥ ${scale.edge(lower)}` : index === 0 ? `< ${scale.edge(upper)}` : `${scale.edge(lower)}–${scale.edge(upper)}`;
      return legendRow(swatch(scale.fills[index]), text + scale.unit, `${amount} ${counted}`);
    }).reverse();
    const without = [[null, words.few], [undefined, words.no_data]].filter(([value]) => values.includes(value));
    return [...rows, ...without.map(([value, text]) => legendRow(swatch(scaleColour(value, scale)), text,
      `${values.filter((item) => item === value).length} ${counted}`))];
  }

  /* ---- marks ---- */

  function slice(radius, from, to, fill) {
    if (to - from > 0.9999) return `<circle r="${radius}" fill="${fill}"/>`;
    const at = (share) => {
      const angle = 2 * Math.PI * share;
      return `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;
    };
    return `<path d="M0 0L${at(from)}A${radius} ${radius} 0 ${to - from > 0.5 ? 1 : 0} 1 ${at(to)}Z" fill="${fill}"/>`;
  }

  /* The people per state as far as they are told; null where it is hidden how many are in time. Where only the sum of
     the others is told, they count as out, as in a rate. */
  function told(counts) {
    const [people, reached, out, unsure] = counts;
    if (people === null || reached === null) return null;
    return out === null || unsure === null ? [reached, people - reached, 0] : [reached, out, unsure];
  }

  function disc(counts, radius) {
    const people = told(counts) || [];
    const total = people.reduce((sum, part) => sum + part, 0);
    let from = 0;
    const slices = people.map((part, index) => {
      const to = total ? from + part / total : 0;
      const drawn = part > 0 ? slice(radius, from, to, STATES[STATE_KEYS[index]]) : "";
      from = to;
      return drawn;
    });
    if (!people.length) slices.push(slice(radius, 0, 1, HIDDEN));
    const size = 2 * radius + 4;
    return `<svg width="${size}" height="${size}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}" aria-hidden="true">` +
      `<circle r="${radius + 1}" fill="#fff"/>${slices.join("")}` +
      `<circle r="${radius + 0.4}" fill="none" stroke="#fff" stroke-width="1.2"/></svg>`;
  }

  /* The verdict of reach; where the area is judged too, both. */
  function verdictText(figures, words) {
    const [reach, area] = [figures.verdict, figures.m2_verdict].map((one) => words.verdicts[one]);
    return reach && area ? `${reach}${words.list}${words.kind.area}${area}` : reach || area || words.none;
  }

  function site(status, joined, inside) {
    const fill = {existing: SITE, building: "url(#lc-half)", planned: "#fff"}[status] || SITE;
    const dash = joined ? "" : ' stroke-dasharray="2 1.6"';
    return `<svg width="15" height="15" viewBox="-7.5 -7.5 15 15" opacity="${inside ? 1 : 0.35}">` +
      '<path d="M0 -7L7 0L0 7L-7 0Z" fill="#fff"/>' +
      `<path d="M0 -5.4L5.4 0L0 5.4L-5.4 0Z" fill="${joined ? fill : "#fff"}" stroke="${SITE}" stroke-width="1.5"${dash}/></svg>`;
  }

  function icon(className, markup, size) {
    return L.divIcon({className: className, html: markup, iconSize: [size, size]});
  }

  function point(feature, latlng) {
    return L.marker(latlng, {icon: icon("lc-site", "", 1), keyboard: false});
  }

  function mainState(counts) {
    if (!counts || counts[0] === 0) return "none";
    const people = told(counts);
    return people === null ? "hidden" : STATE_KEYS[people.indexOf(Math.max(...people))];
  }

  /* ---- doubt ---- */

  /* The mark of figures that findings touch, with how many they are. */
  function doubtMark(doubts, words) {
    return doubts && doubts.length ? ` <span class="lc-doubt" title="${words.doubt_count}">\u26a0\ufe0e ${doubts.length}</span>` : "";
  }

  /* What the mark and its number mean, where there is any. */
  function doubtNote(facts) {
    return facts.findings.length ? `<p class="lc-note lc-doubt-note"><span class="lc-doubt">\u26a0\ufe0e</span> ${facts.words.doubt_count}</p>` : "";
  }

  /* What casts doubt on a layer's figures: the first few findings, and how many more there are. */
  function doubtLines(doubts, facts, layer) {
    if (!doubts || !doubts.length) return "";
    const words = facts.words;
    const lines = doubts.slice(0, TOLD).map((at) => `<li>${facts.findings[at].text}</li>`);
    if (doubts.length > TOLD) lines.push(`<li>${words.more} ${doubts.length - TOLD}</li>`);
    return `<p class="lc-doubt">\u26a0\ufe0e ${words.doubt}${words.colon}${layer.label}</p><ul class="lc-doubts">${lines.join("")}</ul>`;
  }

  return {HIDDEN, STATE_KEYS, SITE, bandRows, cell, count, disc, doubtLines, doubtMark, doubtNote, heads, icon, legendRow, mainState,
    minutes, parts: {}, people, percent, plain, point, range, rateText, scaleColour, site, slice, swatch, table, themes: {}, verdictText};
})();
