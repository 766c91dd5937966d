/* Chosen sites: where to build next, what each wins, and how well the choice is proven. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {cell, count, legendRow, parts, people, percent, plain, themes} = window.lifecircle;
  const CHOSEN = "#a3006a"; // dark enough for white figures, also in grey print

  function star(rank) {
    const at = [...Array(10).keys()].map((corner) => {
      const [radius, angle] = [corner % 2 ? 7.4 : 12, (Math.PI * corner) / 5];
      return `${(radius * Math.sin(angle)).toFixed(1)} ${(-radius * Math.cos(angle)).toFixed(1)}`;
    });
    const figure = rank === "" ? "" : `<text y="3.6" text-anchor="middle" font-family="sans-serif" font-weight="700" ` +
      `font-size="${String(rank).length > 2 ? 7 : 9.5}" fill="#fff">${rank}</text>`;
    return `<svg width="26" height="26" viewBox="-13 -13 26 26"><path d="M${at.join("L")}Z" fill="${CHOSEN}" ` +
      `stroke="#fff" stroke-width="1.6" stroke-linejoin="round" paint-order="stroke"/>${figure}</svg>`;
  }

  function chosenPopup(site, facts) {
    const words = facts.words;
    const layer = facts.layers.find((item) => item.key === site.layer);
    const rows = [[words.layer, layer.label], [words.site_won, people(site.won, words)],
      [words.site_alone, people(site.alone, words)], [words.site_last, people(site.last, words)],
      [words.site_stays, typeof site.stays === "number" ? percent(site.stays, "") : ""],
      [words.site_year, site.year || ""], [words.site_cost, typeof site.cost === "number" ? plain(site.cost) : ""],
      [words.lead, site.lead], [words.id, site.id]];
    const shown = rows.filter((row) => row[1]).map((row) => `<tr><th scope="row">${row[0]}</th>${cell(row[1])}</tr>`).join("");
    const where = [site.township, site.place].filter(Boolean).join(" · ");
    const model = site.quality === "model" ? ` <span class="lc-mark">${words.model}</span>` : "";
    return `<h3>${site.rank} ${site.name || site.id}${model}</h3><p>${words.sites} · ${where}</p><table class="lc-table">${shown}</table>`;
  }

  function chosenRows(sites, facts) {
    const words = facts.words;
    const hidden = sites.some((site) => site.won === null);
    const won = hidden ? null : sites.reduce((sum, site) => sum + site.won, 0);
    return [legendRow(star(""), `${words.site_won} ${people(won, words)}`, `${sites.length} ${words.counts.facility}`)];
  }

  /* The proof of the choice, and people in time before and after; of several services all together. */
  function sitingFacts(layer, facts) {
    const [words, siting] = [facts.words, facts.siting];
    if (!siting || !siting.layers.includes(layer.key)) return "";
    const lines = [`<b class="lc-small">${words.sites}</b> ${siting.model}${words.separator}${words.site_status[siting.status]}`];
    if (typeof siting.gap === "number" && siting.status === "feasible") lines.push(`${words.site_gap} ${(siting.gap * 100).toFixed(2)}%`);
    if (siting.before !== null) lines.push(`${words.in_time}${words.colon}${count(siting.before, words)} → ${people(siting.after, words)}`);
    siting.links.forEach((link) => lines.push(`${words.site_link}${words.colon}${link.name} (${words.site_cost} ${plain(link.cost)})`));
    return lines.map((line) => `<div>${line}</div>`).join("");
  }

  function ofLayer(view) {
    return view.members.sites.map((member, index) => ({site: member.feature.properties, index})).filter((item) => item.site.layer === view.layer().key);
  }

  themes.sites = {
    services: (facts, members) => facts.layers.filter((layer) => members.sites.some((member) => member.feature.properties.layer === layer.key)),
    shows: ["circles", "places", "sites", "facilities", "ground", "names"],
    basis: (view) => themes.reach.basis(view),
    unitText: (unit, view) => themes.reach.unitText(unit, view),
    mark: (member, view) => themes.reach.mark(member, view),
    facts(view) {
      const rows = ofLayer(view).map(({site, index}) => `<li><button type="button" class="lc-link" data-open="sites ${index}">${site.rank} ${site.name || site.id}</button>` +
        ` <span>${view.words.site_won} ${people(site.won, view.words)}</span></li>`);
      return `${sitingFacts(view.layer(), view.facts)}<ul class="lc-top">${rows.join("")}</ul>`;
    },
    legend(view) {
      const circle = '<span class="lc-swatch lc-circle"></span>';
      return [view.siteGroup(), view.group("circles", `${circle} ${view.words.circles_note}`, []),
        view.group("places", view.words.places_note, parts.placeRows(view, view.words.mostly)), view.facilityGroup()];
    },
  };

  return {chosenPopup, chosenRows, sitingFacts, star};
})());
