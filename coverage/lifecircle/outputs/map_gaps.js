/* The theme of gaps: only the places that lack something, as large as the people who do, shaped by the cause. */
Object.assign(window.lifecircle.themes, (function () {
  "use strict";

  const {count, icon, legendRow, parts, people, placeCard, plain} = window.lifecircle;
  const KINDS = ["reach", "presence", "capacity", "area"];
  const CAUSES = ["too_far", "no_facility", "full", "off_network", "no_data"];
  const COLOUR = "#b3400e";
  const UNTOLD = "#8a8a8a";
  const TOP = 5;

  function shape(cause, r) {
    const line = 'stroke="#fff" stroke-width="1.2"';
    return {
      too_far: `<circle r="${r}" fill="${COLOUR}" ${line}/>`,
      no_facility: `<path d="M0 ${-1.25 * r}L${1.15 * r} ${0.8 * r}H${-1.15 * r}Z" fill="${COLOUR}" ${line}/>`,
      full: `<rect x="${-0.95 * r}" y="${-0.95 * r}" width="${1.9 * r}" height="${1.9 * r}" fill="${COLOUR}" ${line}/>`,
      off_network: `<path d="M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0Z" fill="#fff" stroke="${COLOUR}" stroke-width="1.8" stroke-dasharray="3 2"/>`,
      no_data: `<path d="M${-r} ${-r}L${r} ${r}M${r} ${-r}L${-r} ${r}" stroke="${COLOUR}" stroke-width="2.4" fill="none"/>`,
    }[cause] || `<circle r="${r}" fill="#fff" stroke="${UNTOLD}" stroke-width="2"/>`;
  }

  function mark(cause, r) {
    const size = Math.ceil(2.8 * r + 4);
    return `<svg width="${size}" height="${size}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}" aria-hidden="true">${shape(cause, r)}</svg>`;
  }

  /* How much is lacking: people late, else those undetermined; elsewhere the shortage. Null where it is hidden. */
  function amount(gap) {
    return gap.kind !== "reach" ? gap.short : gap.out === null || gap.undetermined === null ? null : gap.out || gap.undetermined;
  }

  function items(view, kind) {
    const key = view.layer().key;
    const ofPlaces = view.members.places.flatMap((member, index) => (member.feature.properties.gaps[key] || [])
      .filter((gap) => gap.kind === kind).map((gap) => ({member, index, gap, name: member.feature.properties.name})));
    const ofUnits = view.members.townships.flatMap((member, index) => member.feature.properties.lacking
      .filter((gap) => gap.layer === key && gap.kind === kind && gap.own).map((gap) => ({member, index, gap, unit: true, name: member.feature.properties.name})));
    return [...ofPlaces, ...ofUnits];
  }

  function kinds(view) { return KINDS.filter((kind) => items(view, kind).length); }

  function kind(view) {
    const there = kinds(view);
    return there.includes(view.state.kind) ? view.state.kind : there[0];
  }

  function amountText(gap, words) {
    const value = amount(gap);
    if (gap.kind === "reach") return people(value, words);
    return value === null ? words.few : `${words.lacking} ${plain(Math.round(value))} ${words.units[gap.unit] ?? gap.unit}`;
  }

  function drawnMark(item, most, view) {
    const value = amount(item.gap);
    const r = value === null ? 4 : 3.5 + 11 * Math.sqrt(Math.min(value / most, 1));
    const at = item.unit ? item.member.feature.properties.at : item.member.getLatLng();
    const drawn = L.marker(at, {keyboard: false, zIndexOffset: -Math.round(20 * r), icon: icon("lc-gap", mark(value === null ? "" : item.gap.cause, r), Math.ceil(2.8 * r + 4))});
    drawn.bindTooltip(`${item.name} ${amountText(item.gap, view.words)}`);
    drawn.on("click", () => view.open(item.unit ? "townships" : "places", item.index));
    return drawn;
  }

  function most(view) { return Math.max(1, ...items(view, kind(view)).map((item) => amount(item.gap) || 0)); }

  const gaps = {
    services: (facts, members) => facts.layers.filter((layer) => [...members.places, ...members.townships].some((member) => {
      const own = member.feature.properties;
      return own.gaps ? own.gaps[layer.key] : own.lacking.some((gap) => gap.layer === layer.key);
    })),
    shows: ["gaps", "facilities", "sites", "ground", "names"], quiet: ["facilities"],
    basis: (view) => (kind(view) === "reach" ? window.lifecircle.themes.reach.basis(view) : view.words.basis_gaps),
    unitText(unit, view) {
      const figures = unit.figures[view.layer().key] || {};
      return figures.out === undefined ? "" : `${view.words.out} ${people(figures.out, view.words)}`;
    },
    extra: (view) => (view.state.gaps ? items(view, kind(view)).map((item) => drawnMark(item, most(view), view)) : []),
    placeCard,
    facts(view) {
      const words = view.words;
      const there = kinds(view);
      const chosen = kind(view);
      const options = there.map((name) => `<option value="${name}"${name === chosen ? " selected" : ""}>${words.kind[name]} (${items(view, name).length})</option>`);
      const sorted = items(view, chosen).filter((item) => amount(item.gap) !== null).sort((a, b) => amount(b.gap) - amount(a.gap));
      const top = sorted.slice(0, TOP).map((item) => `<li><button type="button" class="lc-link" data-open="${item.unit ? "townships" : "places"} ${item.index}">` +
        `${item.name}</button> <span>${amountText(item.gap, words)}</span></li>`);
      const out = view.layer().district.out;
      const total = chosen === "reach" && out !== undefined ? `<div>${words.out} <b>${count(out, words)}</b> ${words.counts.people}</div>` : "";
      return `<div><label>${words.gap_kind}${words.colon}<select name="kind">${options.join("")}</select></label></div>${total}` +
        `<div>${words.largest_gaps}</div><ol class="lc-top">${top.join("")}</ol>${parts.doubtLine(view)}`;
    },
    legend(view) {
      const words = view.words;
      const found = items(view, kind(view));
      const hidden = found.filter((item) => amount(item.gap) === null);
      const told = found.filter((item) => amount(item.gap) !== null);
      const rows = CAUSES.map((cause) => [cause, told.filter((item) => item.gap.cause === cause)]).filter(([, some]) => some.length)
        .map(([cause, some]) => legendRow(mark(cause, 5.5), words.cause[cause], `${some.length} ${some[0].unit ? words.counts.township : words.counts.place}`));
      if (hidden.length) rows.push(legendRow(mark("", 5.5), words.few, `${hidden.length} ${words.counts.place}`));
      return [view.group("gaps", kind(view) === "reach" ? words.gaps_note : words.gaps_short_note, rows, words.gap_marks), view.siteGroup(), view.facilityGroup()];
    },
  };

  return {gaps};
})());
