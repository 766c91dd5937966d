/* Two themes: who is reached in time, per service, and how many square metres there are for each. */
Object.assign(window.lifecircle.themes, (function () {
  "use strict";

  const {STATE_KEYS, bandRows, count, disc, icon, legendRow, mainState, percent, placeCard, placeTip, plain, range, rateText,
    sitingFacts, parts, verdictText} = window.lifecircle;

  function hasArea(layer) { return typeof layer.district.m2 === "number"; }

  function groupNote(layer, words) {
    return layer.group === "all" ? "" : ` (${words.group[layer.group] || layer.group})`;
  }

  function ruleText(layer, words) {
    const modes = new Set(layer.rules.map((rule) => rule.mode));
    const texts = layer.rules.map((rule) =>
      `${words.class[rule.class]} ${rule.cutoff_min} ${words.minutes}${modes.size > 1 ? ` ${rule.mode}` : ""}`);
    return texts.join(words.separator) + (modes.size === 1 ? ` (${[...modes][0]})` : "") || words.no_rule;
  }

  function presenceText(item, words) {
    return `${words.presence} ${percent(item.rate, words.none)} (${count(item.held, words)}/${count(item.required, words)} ` +
      `${words.unit_names[item.metric] || item.metric}${item.level === "all" ? "" : words.separator + (words.levels[item.level] || item.level)})`;
  }

  function areaLine(figures, words) {
    const target = typeof figures.m2_target === "number" ? ` (${words.target} ${plain(figures.m2_target)})` : "";
    return `${words.m2} ${plain(figures.m2)} ${words.m2_unit}${target}`;
  }

  function doubtLine(view) {
    const {facts, words} = view;
    const titles = new Set((facts.doubts[view.layer().key] || []).map((at) => facts.findings[at].title));
    return titles.size ? `<div><span class="lc-doubt">\u26a0\ufe0e ${words.doubt}</span>${words.colon}` +
      `${[...titles].join(words.list)}</div>` : "";
  }

  function lead(layer, words) { return layer.lead ? `<div>${words.lead}${words.colon}${layer.lead}</div>` : ""; }

  function lines(texts) { return texts.map((text) => `<div>${text}</div>`).join(""); }

  function reachFacts(view) {
    const words = view.words;
    const layer = view.layer();
    const figures = layer.district;
    const told = [`${words.rule}${words.colon}${ruleText(layer, words)}`];
    if (figures.rate !== undefined) {
      told.unshift(`${words.total_rate} <b>${rateText(figures, words)}</b>${range(figures)}`);
      told.push(`${words.out} ${count(figures.out, words)}${words.separator}${words.undetermined} ` +
        `${count(figures.undetermined, words)}${words.separator}${words.total} ${count(figures.people, words)} ${words.counts.people}`);
      if (layer.at_shares.length) {
        told.push(`${words.reach_share} ${layer.at_shares.map((item) => item[0]).join("/")}%${words.colon}` +
          `${layer.at_shares.map((item) => item[1]).join("/")} ${words.counts.township}${words.townships_short}`);
      }
    }
    if (hasArea(layer)) told.push(areaLine(figures, words));
    layer.presence.forEach((item) => told.push(presenceText(item, words)));
    told.push(`${words.verdict}${words.colon}${verdictText(figures, words)}`);
    return lines(told) + doubtLine(view) + lead(layer, words) + sitingFacts(layer, view.facts);
  }

  function placeRows(view, said) {
    const {members, words} = view;
    const states = members.places.map((member) => mainState(member.feature.properties.counts[view.layer().key]));
    const amount = (key) => `${states.filter((item) => item === key).length} ${words.counts.place}`;
    const rows = STATE_KEYS.map((key, index) => {
      const counts = [1, 0, 0, 0];
      counts[index + 1] = 1;
      return legendRow(disc(counts, 6), said[key], amount(key));
    });
    if (states.includes("hidden")) rows.push(legendRow(disc([null, null, null, null], 6), said.hidden, amount("hidden")));
    return states.includes("none") ? [...rows, legendRow('<svg width="16" height="16"></svg>', said.none, amount("none"))] : rows;
  }

  function placeDisc(member, view) {
    const counts = member.feature.properties.counts[view.layer().key];
    if (!counts || counts[0] === 0) return null;
    return icon("lc-disc", disc(counts, member.radius), 2 * member.radius + 4);
  }

  Object.assign(parts, {areaLine, doubtLine, hasArea, lines, placeDisc, placeRows, ruleText});

  const reach = {
    services: (facts) => facts.layers.filter((layer) => layer.rules.length || !hasArea(layer)),
    shows: ["townships", "circles", "places", "facilities", "sites", "ground", "names"],
    basis: (view) => view.words.basis + groupNote(view.layer(), view.words),
    scale: (view) => ({edges: view.facts.colours.edges.rate, fills: view.facts.colours.ramps.rate, edge: (value) => `${plain(value * 100)}`, unit: "%"}),
    value: (unit, view) => (unit.figures[view.layer().key] || {}).rate,
    unitText: (unit, view) => rateText(unit.figures[view.layer().key] || {}, view.words),
    mark: placeDisc, placeTip,
    placeCard: (place, view) => placeCard(place, view) + window.lifecircle.circleNote(place, view.facts),
    facts: reachFacts,
    legend(view) {
      const words = view.words;
      const judged = view.layer().rules.length > 0;
      const circle = '<span class="lc-swatch lc-circle"></span>';
      return [view.bands(), ...(judged ? [view.group("circles", `${circle} ${words.circles_note}`, []),
        view.group("places", words.places_note, placeRows(view, words.mostly))] : []), view.siteGroup(), view.facilityGroup()];
    },
  };

  const area = {
    services: (facts) => facts.layers.filter(hasArea),
    shows: ["townships", "facilities", "sites", "ground", "names"],
    basis: (view) => view.words.basis_area,
    scale(view) {
      const {edges, ramps} = view.facts.colours;
      const target = view.layer().district.m2_target;
      const whole = typeof target === "number" ? target : Math.max(...view.units.map((unit) => (unit.figures[view.layer().key] || {}).m2 || 0)) || 1;
      return {edges: edges.area.map((edge) => edge * whole), fills: ramps.area, edge: plain, unit: ` ${view.words.m2_unit}`};
    },
    value: (unit, view) => (unit.figures[view.layer().key] || {}).m2,
    unitText(unit, view) {
      const value = area.value(unit, view);
      return typeof value === "number" ? `${plain(value)} ${view.words.m2_unit}` : value === null ? view.words.few : view.words.no_data;
    },
    facts(view) {
      const words = view.words;
      const layer = view.layer();
      const figures = layer.district;
      const known = view.units.map((unit) => unit.figures[layer.key] || {}).filter((item) => typeof item.m2 === "number");
      const below = known.filter((item) => typeof item.m2_target === "number" && item.m2 < item.m2_target).length;
      const target = typeof figures.m2_target === "number" ? `<div>${words.target} ${plain(figures.m2_target)} ${words.m2_unit}</div>` +
        `<div>${words.below_target} ${below}/${known.length} ${words.counts.township}${words.townships_short}</div>` : "";
      return `<div>${words.total_area} <b>${plain(figures.m2)}</b> ${words.m2_unit}</div>${target}` +
        `<div>${words.verdict}${words.colon}${words.verdicts[figures.m2_verdict || "no_data"]}</div>${doubtLine(view)}${lead(layer, words)}`;
    },
    legend: (view) => [view.bands(view.words.townships_m2), view.siteGroup(), view.facilityGroup()],
  };

  return {reach, area};
})());
