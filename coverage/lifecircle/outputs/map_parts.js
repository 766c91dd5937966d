/* What the page is made of: numbers, marks and pop-ups.
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

  function table(heads, rows) {
    const head = heads.map((text) => `<th>${text}</th>`).join("");
    return `<table class="lc-table"><tr>${head}</tr>${rows.join("")}</table>`;
  }

  function swatch(colour) {
    return `<span class="lc-swatch" style="background:${colour}"></span>`;
  }

  function legendRow(mark, text, amount) {
    return `<div class="lc-row">${mark}<span>${text}</span><span>${amount}</span></div>`;
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
    return `<svg width="${size}" height="${size}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}">` +
      `<circle r="${radius + 1}" fill="#fff"/>${slices.join("")}` +
      `<circle r="${radius + 0.4}" fill="none" stroke="#fff" stroke-width="1.2"/></svg>`;
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

  /* ---- pop-ups ---- */

  function layerName(layer, chosen, doubts, words) {
    return `<tr${layer.key === chosen ? ' class="lc-chosen"' : ""}>${cell(layer.label + doubtMark(doubts, words))}`;
  }

  function townshipPopup(unit, facts, chosen) {
    const words = facts.words;
    const rows = facts.layers.map((layer) => {
      const figures = unit.figures[layer.key] || {};
      const area = typeof figures.m2 === "number" ? plain(figures.m2) : words.none;
      const verdict = figures.verdict || figures.m2_verdict;
      return layerName(layer, chosen, unit.doubts[layer.key], words) + cell(rateText(figures, words) + range(figures), true) +
        cell(count(figures.out, words), true) + cell(count(figures.undetermined, words), true) + cell(area, true) +
        cell(words.verdicts[verdict] || words.none) + "</tr>";
    });
    const people = typeof unit.people === "number" ? `<p>${words.people} ${count(unit.people, words)}</p>` : "";
    const lacking = unit.lacking.map((gap) => {
      const layer = facts.layers.find((item) => item.key === gap.layer);
      const amount = gap.short === null ? `${words.lacking} ${words.few}` : `${words.lacking} ${gap.short.toLocaleString("en-US", {maximumFractionDigits: 0})} ${words.units[gap.unit] ?? gap.unit}`;
      const where = words.unit_names[gap.metric] ? ` (${words.unit_names[gap.metric]})` : "";
      return `<p>${layer.label}·${words.kind[gap.kind] || gap.kind}${words.colon}${amount}${where}</p>`;
    });
    const doubts = doubtLines(unit.doubts[chosen], facts, facts.layers.find((layer) => layer.key === chosen));
    return `<h3>${unit.name}</h3>${people}${table(words.township_table, rows)}${doubts}${lacking.join("")}`;
  }

  function placePopup(place, facts, chosen) {
    const words = facts.words;
    const extra = [];
    const rows = facts.layers.map((layer) => {
      const counts = place.counts[layer.key];
      const gaps = place.gaps[layer.key] || [];
      const reach = gaps.find((gap) => gap.kind === "reach") || {};
      gaps.filter((gap) => gap.kind !== "reach").forEach((gap) => extra.push(otherGap(layer, gap, words)));
      if (!counts) return "";
      return layerName(layer, chosen) + cell(count(counts[2], words), true) + cell(count(counts[3], words), true) +
        cell(minutes(reach.median, words), true) + `<td class="lc-wrap">${reach.nearest || words.none}</td>` +
        cell(words.cause[reach.cause] || words.none) + "</tr>";
    });
    const merged = place.merged ? `<p>${words.merged}${words.colon}${place.merged}</p>` : "";
    return `<h3>${place.name}</h3><p>${place.township} · ${words.class[place.class] || place.class} · ` +
      `${words.people} ${count(place.people, words)}</p>${merged}` +
      `${table(words.place_table, rows)}<p><small>${words.place_table_note}</small></p>${extra.join("")}`;
  }

  function otherGap(layer, gap, words) {
    const parts = ["need", "have", "short"].filter((key) => typeof gap[key] === "number")
      .map((key) => `${words[key]} ${plain(gap[key])} ${words.units[gap.unit] ?? gap.unit}`);
    return `<p>${layer.label}·${words.kind[gap.kind] || gap.kind}${words.colon}` +
      `${[...parts, words.cause[gap.cause] || gap.cause].join(words.separator)}</p>`;
  }

  function sitePopup(place, facts) {
    const words = facts.words;
    const layer = facts.layers.find((item) => item.key === place.layer);
    const joined = place.unjoined ? [words.unjoined] : typeof place.snap === "number" ? [`${words.snap} ${plain(place.snap)} m`] : [];
    const capacity = typeof place.capacity === "number" ? `${plain(place.capacity)} ${words.units[place.unit] ?? place.unit}` : words.unknown;
    const areas = ["area", "effective"].filter((key) => typeof place[key] === "number")
      .map((key) => [words[key], `${plain(place[key])} m²`]);
    const rows = [[words.layer, layer.label], [words.level, words.levels[place.level] || place.level],
      [words.capacity, capacity], ...areas,
      [words.source, `${place.source} (${words.quality[place.quality] || place.quality})`], [words.id, place.id]];
    const shown = rows.filter((row) => row[1]).map((row) => `<tr><th>${row[0]}</th>${cell(row[1])}</tr>`).join("");
    const state = [place.township || words.outside, words.status[place.status] || place.status, ...joined];
    return `<h3>${place.name || place.id}</h3><p>${state.join(" · ")}</p><table class="lc-table">${shown}</table>`;
  }

  return {HIDDEN, STATE_KEYS, SITE, count, disc, doubtLines, doubtMark, doubtNote, icon, legendRow, slice, table, cell, mainState, percent, plain, point, range, rateText, site, sitePopup, placePopup,
    swatch, townshipPopup};
})();
