/* Two runs on one map: who is won and who is lost, what was opened and closed, built and cut. */
window.lifecircle.startComparison = (function () {
  "use strict";

  const {HIDDEN, SITE, box, cell, count, drawFrame, groundStyle, icon, legendRow, percent, plain, slice, swatch, table} = window.lifecircle;
  const MOVES = ["won", "lost", "unchanged_in", "unchanged_out"];
  const COLOURS = ["#1763a6", "#d9590f", "#b9c9d6", "#f1ece0"];
  /* Percentage points of coverage from which a township has the colour. */
  const BANDS = [[10, "#8dbbdd"], [0.1, "#d3e4f0"], [-0.1, "#f6f4ee"], [-10, "#fbe0c3"], [-Infinity, "#f2b376"]];
  const SITES = {opened: "#1763a6", closed: "#d9590f", moved: "#1763a6", moved_from: "#d9590f", changed: "#7a3d9c", "": "#9d97a6"};
  const ROADS = {build: "#1763a6", upgrade: "#7a3d9c", cut: "#d9590f"};
  const GREY = HIDDEN || "#c9c9c9";

  function moveDisc(moves, radius) {
    const total = moves.reduce((sum, part) => sum + (part || 0), 0);
    let from = 0;
    const slices = moves.map((part, index) => {
      const to = total ? from + part / total : 0;
      const drawn = part > 0 ? slice(radius, from, to, COLOURS[index]) : "";
      from = to;
      return drawn;
    });
    const hidden = moves.includes(null) ? `<circle r="${radius}" fill="${GREY}"/>` : slices.join("");
    const size = 2 * radius + 4;
    const faint = !moves.includes(null) && moves[0] + moves[1] === 0;
    return `<svg width="${size}" height="${size}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}" opacity="${faint ? 0.5 : 1}">` +
      `<circle r="${radius + 1}" fill="#fff"/>${hidden}` +
      `<circle r="${radius + 0.4}" fill="none" stroke="${faint ? "#a9a39a" : "#333"}" stroke-width="${faint ? 0.8 : 1.1}"/></svg>`;
  }

  function mark(change, inside) {
    const colour = SITES[change];
    const big = change && change !== "changed" ? 1.35 : change ? 0.9 : 0.5;
    const body = {
      closed: `<path d="M-4 -4L4 4M4 -4L-4 4" stroke="${colour}" stroke-width="2.4" fill="none"/>`,
      moved_from: `<path d="M0 -5.4L5.4 0L0 5.4L-5.4 0Z" fill="#fff" stroke="${colour}" stroke-width="1.5" stroke-dasharray="2 1.6"/>`,
    }[change] || `<path d="M0 -5.4L5.4 0L0 5.4L-5.4 0Z" fill="${colour}" stroke="#fff" stroke-width="0.8"/>` +
      (change === "opened" ? '<path d="M0 -2.6V2.6M-2.6 0H2.6" stroke="#fff" stroke-width="1.5"/>' : "");
    return `<svg width="22" height="22" viewBox="-11 -11 22 22" opacity="${inside ? 1 : 0.5}"><g transform="scale(${big})">` +
      `<path d="M0 -7L7 0L0 7L-7 0Z" fill="#fff" fill-opacity="${change ? 1 : 0}"/>${body}</g></svg>`;
  }

  function change(figures) {
    if (!figures || figures.rate_before === null || figures.rate_after === null) return null;
    return 100 * (figures.rate_after - figures.rate_before);
  }

  function colour(value) {
    if (value === null) return GREY;
    return BANDS.find(([lower], index) => (index < 2 ? value >= lower : value > lower))[1];
  }

  function signed(value) {
    return (value > 0 ? "+" : value < 0 ? "\u2212" : "±") + Math.abs(value).toFixed(1);
  }

  function span(before, after, show, words) {
    const text = (value) => (typeof value === "number" ? show(value) : words.none);
    return `${text(before)} → ${text(after)}`;
  }

  function rates(figures, words) {
    return span(figures.rate_before, figures.rate_after, (value) => percent(value, words.none), words);
  }

  function means(figures, words) {
    return span(figures.minutes_mean_before, figures.minutes_mean_after, (value) => value.toFixed(1), words);
  }

  function start(map, layers, facts) {
    const words = facts.words;
    const own = words.compare;
    const state = {chosen: (facts.layers.find((layer) => layer.district.won) || facts.layers[0]).key,
      townships: true, places: true, facilities: true, roads: true, ground: true, names: true};
    const members = {};
    Object.keys(layers).forEach((name) => { members[name] = layers[name].getLayers(); });
    const shown = {places: L.layerGroup(), facilities: L.layerGroup(), names: L.layerGroup()};
    const borders = L.geoJSON(layers.townships.toGeoJSON(5),
      {pane: "lc-borders", interactive: false, style: {fill: false, color: "#5d5d5d", weight: 1.2, opacity: 0.8}});
    const layer = () => facts.layers.find((item) => item.key === state.chosen);
    const few = (value) => (value === null ? words.few : Math.round(value).toLocaleString("en-US"));

    drawFrame(map, facts);
    const title = box(map, "lc-title", "");
    const panel = box(map, "lc-panel", panelMarkup());
    const popupRoom = {maxWidth: 520, autoPanPaddingTopLeft: [56, 76], autoPanPaddingBottomRight: [20 + panel.offsetWidth, 20]};
    layers.townships.addTo(map);
    borders.addTo(map);
    layers.ground.setStyle(groundStyle);
    layers.roads.setStyle((feature) => ({color: ROADS[feature.properties.edit], weight: 5, opacity: 0.95,
      dashArray: feature.properties.edit === "cut" ? "3 7" : null, lineCap: "round"}));
    Object.values(shown).forEach((group) => group.addTo(map));
    prepare();
    map.fitBounds(layers.townships.getBounds(), {paddingTopLeft: [10, 60], paddingBottomRight: [20 + panel.offsetWidth, 20]});
    map.on("zoomend moveend", drawNames);
    draw();

    function panelMarkup() {
      const radios = facts.layers.map((item) => `<label><input type="radio" name="lc-service" value="${item.key}"` +
        `${item.key === state.chosen ? " checked" : ""}>${item.label}</label>`);
      return `<h2>${words.service}</h2><div class="lc-services">${radios.join("")}</div><div class="lc-facts"></div>` +
        `<h2>${words.shown}</h2><div class="lc-legend"></div>`;
    }

    function prepare() {
      const largest = Math.max(...members.places.map((member) => member.feature.properties.people), 1);
      members.townships.forEach((member) => {
        const unit = member.feature.properties;
        member.bindPopup(() => unitPopup(unit), popupRoom);
        member.bindTooltip(() => {
          const value = change(unit.figures[state.chosen]);
          return `${unit.name} ${value === null ? words.few : `${signed(value)} ${own.points}`}`;
        }, {sticky: true});
      });
      members.places.forEach((member) => {
        const place = member.feature.properties;
        member.radius = Math.round(4 + 8 * Math.sqrt(place.people / largest));
        member.options.zIndexOffset = -1000 - 10 * member.radius;
        member.bindPopup(() => placePopup(place), popupRoom);
        member.bindTooltip(place.name);
      });
      members.facilities.forEach((member) => {
        const site = member.feature.properties;
        member.setIcon(icon("lc-site", mark(site.change, site.inside), 22));
        member.options.zIndexOffset = site.change ? 1000 : 0;
        member.bindPopup(() => sitePopup(site), popupRoom);
        member.bindTooltip(site.name || site.id);
      });
      members.roads.forEach((member) => {
        const road = member.feature.properties;
        const kind = road.kind && (road.kind === "closed" ? own.closed_road : own[road.kind]);
        const said = [own[road.edit], kind, road.name, `${plain(road.km)} km`].filter(Boolean).join(" · ");
        member.bindTooltip(said, {sticky: true});
        member.bindPopup(said, popupRoom);
      });
      panel.addEventListener("change", (event) => {
        if (event.target.type === "radio") state.chosen = event.target.value;
        else state[event.target.value] = event.target.checked;
        map.closePopup();
        draw();
      });
    }

    function unitPopup(unit) {
      const rows = facts.layers.filter((item) => unit.figures[item.key]).map((item) => {
        const figures = unit.figures[item.key];
        return `<tr${item.key === state.chosen ? ' class="lc-chosen"' : ""}>${cell(item.label)}${cell(few(figures.won), true)}` +
          `${cell(few(figures.lost), true)}${cell(rates(figures, words), true)}${cell(means(figures, words), true)}</tr>`;
      });
      return `<h3>${unit.name}</h3>${table(own.unit_table, rows)}`;
    }

    function placePopup(place) {
      const rows = facts.layers.filter((item) => place.moves[item.key]).map((item) =>
        `<tr${item.key === state.chosen ? ' class="lc-chosen"' : ""}>${cell(item.label)}` +
        `${place.moves[item.key].map((value) => cell(few(value), true)).join("")}</tr>`);
      return `<h3>${place.name}</h3><p>${place.township} · ${words.people} ${count(place.people, words)}</p>${table(own.place_table, rows)}`;
    }

    function sitePopup(site) {
      const gained = ["alone", "last"].filter((name) => site[name] !== undefined)
        .map((name) => `<p>${own[name]}${words.colon}${few(site[name])} ${own.people}</p>`);
      const said = [own[site.change] || own.same, words.levels[site.level] || site.level, site.inside ? "" : words.outside];
      return `<h3>${site.name || site.id}</h3><p>${said.filter(Boolean).join(" · ")}</p>${gained.join("")}`;
    }

    function districtFacts() {
      const figures = layer().district;
      const area = typeof figures.m2_per_head_before === "number" || typeof figures.m2_per_head_after === "number"
        ? [`${words.m2} ${span(figures.m2_per_head_before, figures.m2_per_head_after, plain, words)} ${words.m2_unit}`] : [];
      if (!members.places.some((member) => member.feature.properties.moves[state.chosen])) return lines(area);
      return lines([`${own.rate} <b>${rates(figures, words)}</b>`,
        `${own.won} ${few(figures.won)}${words.separator}${own.lost} ${few(figures.lost)} ${own.people}`,
        `${own.mean} ${means(figures, words)}`, ...area,
        ...(layer().together === undefined ? [] : [`${own.together} ${few(layer().together)} ${own.people}`])]);
    }

    function lines(texts) {
      return texts.map((text) => `<div>${text}</div>`).join("");
    }

    function group(name, heading, note, rows) {
      return `<div class="lc-group"><label><input type="checkbox" value="${name}"${state[name] ? " checked" : ""}>${heading}</label>` +
        `${note ? ` <span class="lc-note">${note}</span>` : ""}${rows.join("")}</div>`;
    }

    function legend() {
      const places = members.places.map((member) => member.feature.properties.moves[state.chosen]).filter(Boolean);
      const values = members.townships.map((member) => member.feature.properties.figures[state.chosen])
        .filter((figures) => figures && figures.won !== undefined).map(change);
      const many = (fits) => `${values.filter(fits).length} ${words.counts.township}`;
      const names = ["≥ +10", "+0.1 – +10", own.level, "\u221210 – \u22120.1", "≤ \u221210"];
      const bands = BANDS.map(([, fill], index) => legendRow(swatch(fill), index === 2 ? names[index] : `${names[index]} ${own.points}`,
        many((value) => value !== null && colour(value) === fill)));
      if (values.includes(null)) bands.push(legendRow(swatch(GREY), words.few, many((value) => value === null)));
      const people = MOVES.map((name, index) => legendRow(moveDisc([0, 1, 2, 3].map((at) => (at === index ? 1 : 0)), 6), own[name],
        `${few(places.some((moves) => moves.includes(null)) ? sum(index) : places.reduce((total, moves) => total + moves[index], 0))} ${own.people}`));
      const sites = members.facilities.map((member) => member.feature.properties).filter((site) => site.layer === state.chosen);
      const kinds = ["opened", "closed", "moved", "moved_from", "changed", ""].map((kind) => [kind, sites.filter((site) => site.change === kind)])
        .filter(([, some]) => some.length).map(([kind, some]) => legendRow(mark(kind, true), own[kind] || own.same, `${some.length} ${words.counts.facility}`));
      const roads = Object.keys(ROADS).map((edit) => [edit, members.roads.map((member) => member.feature.properties).filter((road) => road.edit === edit)])
        .filter(([, some]) => some.length).map(([edit, some]) => legendRow(
          `<svg width="22" height="6"><path d="M1 3H21" stroke="${ROADS[edit]}" stroke-width="4"${edit === "cut" ? ' stroke-dasharray="3 5"' : ""}/></svg>`,
          own[edit], `${plain(some.reduce((km, road) => km + road.km, 0))} km`));
      const parts = places.length ? [group("townships", own.townships, "", bands), group("places", own.places, own.places_note, people)] : [];
      if (kinds.length) parts.push(group("facilities", own.sites, "", kinds));
      if (roads.length) parts.push(group("roads", own.roads, "", roads));
      return [...parts, group("ground", words.ground, "", []), group("names", words.names, "", [])].join("");
    }

    /* Where places hide some, the district's own count stands, if it is told. */
    function sum(index) {
      const value = layer().district[MOVES[index]];
      return value === undefined ? null : value;
    }

    function fill(name, keep) {
      shown[name].clearLayers();
      if (state[name]) members[name].filter(keep).forEach((member) => shown[name].addLayer(member));
    }

    function draw() {
      const judged = members.places.some((member) => member.feature.properties.moves[state.chosen]);
      layers.townships.setStyle((feature) => ({stroke: false, fill: true, fillOpacity: state.townships && judged ? 1 : 0,
        fillColor: colour(change(feature.properties.figures[state.chosen]))}));
      ["ground", "roads"].forEach((name) => { if (state[name]) layers[name].addTo(map); else layers[name].remove(); });
      fill("places", (member) => {
        const moves = member.feature.properties.moves[state.chosen];
        if (!moves || moves.every((value) => value === 0)) return false;
        member.setIcon(icon("lc-disc", moveDisc(moves, member.radius), 2 * member.radius + 4));
        return true;
      });
      fill("facilities", (member) => member.feature.properties.layer === state.chosen);
      const model = facts.model ? ` <span class="lc-mark">${words.model}</span>` : "";
      const group = layer().group === "all" ? "" : ` (${words.group[layer().group] || layer().group})`;
      title.innerHTML = `<h1>${facts.district} · ${layer().label} · ${own.title}${model}</h1><p><b>${facts.before} → ${facts.after}</b> · ` +
        [words.basis + group, facts.date && `${words.date} ${facts.date}`, `${words.run} ${facts.runs.join(" → ")}`].filter(Boolean).join(" · ") + "</p>";
      panel.querySelector(".lc-facts").innerHTML = districtFacts();
      panel.querySelector(".lc-legend").innerHTML = legend();
      drawNames();
    }

    /* Names of townships, each where it hides no other. */
    function drawNames() {
      shown.names.clearLayers();
      if (!state.names) return;
      const taken = [];
      members.townships.forEach((member) => {
        const unit = member.feature.properties;
        const at = map.latLngToContainerPoint(unit.at);
        const half = L.point(unit.name.length * 7 + 2, 9);
        const area = [0, -16, 16].map((dy) => L.bounds(at.add([0, dy]).subtract(half), at.add([0, dy]).add(half)))
          .find((item) => !taken.some((other) => other.intersects(item)));
        if (!area) return;
        taken.push(area);
        shown.names.addLayer(L.marker(map.containerPointToLatLng(area.getCenter()), {interactive: false, keyboard: false,
          pane: "lc-names", icon: icon("lc-name", `<span>${unit.name}</span>`, 0)}));
      });
    }
  }

  return start;
})();
