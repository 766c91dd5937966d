/* The planner's page: one service at a time on a Leaflet map, made of the parts in map_parts.js. */
window.lifecircle.start = (function () {
  "use strict";

  const {HIDDEN, STATE_KEYS, box, chosenPopup, chosenRows, circleFacts, circleNote, circlePlacePopup, circleTownshipPopup, count, densityColour, densityText, disc, doubtMark, doubtNote, drawFrame, groundStyle, icon, legendRow, mainState, percent, plain, priorityBands, priorityDisc, priorityFacts, priorityPlaceRows, priorityPopup, range, rateText, site, sitePopup, placePopup,
    sitingFacts, star, swatch, townshipPopup} = window.lifecircle;
  const RATES = [[0.95, "#8dbbdd"], [0.8, "#c3dcee"], [0.6, "#f3efe6"], [0.4, "#f9d9b4"], [0, "#f2b376"]];
  const AREAS = RATES.map((step, index) => [[1, 0.75, 0.5, 0.25, 0][index], step[1]]);
  const COMPLETE = RATES.map((step, index) => [[0.8, 0.5, 0.2, 0.05, 0][index], step[1]]);
  const NO_RATE = "#dcdcdc";
  const CIRCLE = {color: "#4a3485", opacity: 0.85, fillColor: "#4a3485", fillOpacity: 0.14};
  const NEAR_ZOOM = 13; // From here on marks have their full size and places their names.

  function drawTitle(element, facts, layer) {
    const words = facts.words;
    const model = facts.model ? ` <span class="lc-mark">${words.model}</span>` : "";
    const facts_ = [layer.groups ? words.basis_priority : layer.members ? words.basis_all : words.basis + groupNote(layer, words), facts.date && `${words.date} ${facts.date}`,
      `${words.run} ${facts.run_id}`];
    const scenario = facts.scenario ? ` <span class="lc-mark">${words.scenario}${words.colon}${facts.scenario}</span>` : "";
    element.innerHTML = `<h1>${facts.district} · ${layer.label}${scenario}${model}</h1>` +
      `<p>${facts_.filter(Boolean).join(" · ")}</p>`;
  }

  function groupNote(layer, words) {
    return layer.group === "all" ? "" : ` (${words.group[layer.group] || layer.group})`;
  }

  function ruleText(layer, words) {
    const modes = new Set(layer.rules.map((rule) => rule.mode));
    const parts = layer.rules.map((rule) =>
      `${words.class[rule.class]} ${rule.cutoff_min} ${words.minutes}${modes.size > 1 ? ` ${rule.mode}` : ""}`);
    return parts.join(words.separator) + (modes.size === 1 ? ` (${[...modes][0]})` : "") || words.no_rule;
  }

  function presenceText(item, words) {
    return `${words.presence} ${percent(item.rate, words.none)} (${count(item.held, words)}/${count(item.required, words)} ` +
      `${words.unit_names[item.metric] || item.metric}${item.level === "all" ? "" : words.separator + (words.levels[item.level] || item.level)})`;
  }

  function districtFacts(layer, facts) {
    const words = facts.words;
    const figures = layer.district;
    if (layer.members) return circleFacts(layer, facts) + doubtLine(layer, facts);
    const lines = [`${words.rule}${words.colon}${ruleText(layer, words)}`];
    if (figures.rate !== undefined) {
      lines.unshift(`${words.total_rate} <b>${rateText(figures, words)}</b>${range(figures)}`);
      lines.push(`${words.out} ${count(figures.out, words)}${words.separator}${words.undetermined} ` +
        `${count(figures.undetermined, words)}${words.separator}${words.total} ${count(figures.people, words)} ${words.counts.people}`);
      if (layer.at_shares.length) {
        lines.push(`${words.reach_share} ${layer.at_shares.map((item) => item[0]).join("/")}%${words.colon}` +
          `${layer.at_shares.map((item) => item[1]).join("/")} ${words.counts.township}${words.townships_short}`);
      }
    }
    if (typeof figures.m2 === "number") {
      const target = typeof figures.m2_target === "number" ? ` (${words.target} ${plain(figures.m2_target)})` : "";
      lines.push(`${words.m2} ${plain(figures.m2)} ${words.m2_unit}${target}`);
    }
    layer.presence.forEach((item) => lines.push(presenceText(item, words)));
    const verdict = figures.verdict || figures.m2_verdict || "no_data";
    lines.push(`${words.verdict}${words.colon}${words.verdicts[verdict]}`);
    const lead = layer.lead ? `<div>${words.lead}${words.colon}${layer.lead}</div>` : "";
    return lines.map((line) => `<div>${line}</div>`).join("") + doubtLine(layer, facts) + lead;
  }

  function doubtLine(layer, facts) {
    const words = facts.words;
    const titles = new Set((facts.doubts[layer.key] || []).map((at) => facts.findings[at].title));
    return titles.size ? `<div><span class="lc-doubt">\u26a0\ufe0e ${words.doubt}</span>${words.colon}` +
      `${[...titles].join(words.list)}</div>` : "";
  }

  /* What colours a township: the coverage, or where a service is judged by area alone, area per head / standard. */
  function byArea(layer) {
    return layer.district.rate === undefined && typeof layer.district.m2_target === "number";
  }

  function share(figures, layer) {
    if (!figures) return undefined;
    return byArea(layer) && typeof figures.m2 === "number" ? figures.m2 / layer.district.m2_target : figures.rate;
  }

  function shareText(figures, layer, words) {
    if (!figures || !byArea(layer)) return rateText(figures || {}, words);
    return typeof figures.m2 === "number" ? `${plain(figures.m2)} ${words.m2_unit}` : words.none;
  }

  function steps(layer) {
    return layer.members ? COMPLETE : byArea(layer) ? AREAS : RATES;
  }

  function colour(value, layer) {
    return value === null ? HIDDEN : value === undefined ? NO_RATE : steps(layer).find((step) => value >= step[0])[1];
  }

  function start(map, layers, facts) {
    const words = facts.words;
    const popupRoom = {maxWidth: 520, autoPanPaddingTopLeft: [56, 76], autoPanPaddingBottomRight: [20, 20]};
    const themes = [facts.circle, facts.priority].filter(Boolean);
    const choices = [...facts.layers, ...themes];
    const inPriority = () => facts.priority !== null && state.chosen === facts.priority.key;
    const inCircle = () => facts.circle !== null && state.chosen === facts.circle.key;
    const state = {chosen: facts.layers[0].key, group: 0, gap: (facts.layers.find((layer) => layer.rules.length) || facts.layers[0]).key, townships: true, circles: true, places: true, facilities: true, sites: true,
      ground: true, names: true};
    const members = {};
    Object.keys(layers).forEach((name) => { members[name] = layers[name].getLayers(); });
    members.sites = members.sites || [];
    const units = members.townships.map((member) => member.feature.properties);
    const borders = L.geoJSON(layers.townships.toGeoJSON(5),
      {pane: "lc-borders", interactive: false, style: {fill: false, color: "#5d5d5d", weight: 1.2, opacity: 0.8}});
    const shown = {circles: L.layerGroup(), places: L.layerGroup(), facilities: L.layerGroup(), sites: L.layerGroup(), names: L.layerGroup()};
    const chosenLayer = () => choices.find((layer) => layer.key === state.chosen);

    drawFrame(map, facts);
    const title = box(map, "lc-title", "");
    const panel = box(map, "lc-panel", panelMarkup());
    popupRoom.autoPanPaddingBottomRight[0] += Math.min(panel.offsetWidth, map.getSize().x / 3);
    layers.townships.addTo(map);
    borders.addTo(map);
    layers.ground.setStyle(groundStyle);
    Object.values(shown).forEach((group) => group.addTo(map));
    prepare();
    const fitRoom = {paddingTopLeft: [10, 60], paddingBottomRight: popupRoom.autoPanPaddingBottomRight};
    map.fitBounds(layers.townships.getBounds(), fitRoom);
    map.on("zoomend", scaleMarks);
    map.on("zoomend moveend", drawNames);
    scaleMarks();
    draw();

    function panelMarkup() {
      const radios = choices.map((layer, index) => `<label><input type="radio" name="lc-service" ` +
        `value="${layer.key}"${index ? "" : " checked"}>${layer.label}${doubtMark(facts.doubts[layer.key], words)}</label>`);
      const all = themes.length ? `<div class="lc-all">${radios.splice(facts.layers.length).join("<br>")}</div>` : "";
      return `<div class="lc-head"><input type="search" list="lc-found" placeholder="${words.search}" ` +
        `aria-label="${words.search}"><datalist id="lc-found"></datalist>` +
        `<button type="button" title="${words.collapse}" aria-label="${words.collapse}">–</button></div>` +
        `<h2>${words.service}</h2><div class="lc-services">${radios.join("")}</div>${all}${doubtNote(facts)}<div class="lc-facts"></div>` +
        `<h2>${words.shown}</h2><div class="lc-legend"></div>`;
    }

    function prepare() {
      const largest = Math.max(...members.places.map((member) => member.feature.properties.people), 1);
      members.townships.forEach((member) => {
        const unit = member.feature.properties;
        member.bindPopup(() => (inPriority() ? priorityPopup(unit, facts, state, true)
          : inCircle() ? circleTownshipPopup(unit, facts) : townshipPopup(unit, facts, state.chosen)),
          popupRoom);
        member.bindTooltip(() => `${unit.name} ${inPriority() ? densityText((unit.priority || [])[state.group], words) : shareText(unit.figures[state.chosen], chosenLayer(), words)}` +
          doubtMark(unit.doubts[state.chosen], words), {sticky: true});
      });
      members.places.forEach((member) => {
        const place = member.feature.properties;
        member.radius = Math.round(4 + 8 * Math.sqrt(place.people / largest));
        member.options.zIndexOffset = -1000 - 10 * member.radius;
        if (place.services) place.counts[facts.circle.key] = place.services.counts;
        member.bindPopup(() => (inPriority() ? priorityPopup(place, facts, state, false) : inCircle() ? circlePlacePopup(place, facts)
          : placePopup(place, facts, state.chosen) + circleNote(place, facts)), popupRoom);
        member.bindTooltip(() => place.name + (!inPriority() && mainState(place.counts[state.chosen]) === "hidden" ? ` ${words.mostly.hidden}` : ""));
      });
      members.facilities.forEach((member) => {
        const place = member.feature.properties;
        member.setIcon(icon("lc-site", site(place.status, !place.unjoined, place.inside), 15));
        member.bindPopup(() => sitePopup(place, facts), popupRoom);
        member.bindTooltip(place.name || place.id);
      });
      members.sites.forEach((member) => {
        const chosen = member.feature.properties;
        member.setIcon(icon("lc-chosen-site", star(chosen.rank), 26));
        [member.options.zIndexOffset, member.radius] = [1000 - chosen.rank, 12];
        member.bindPopup(() => chosenPopup(chosen, facts), popupRoom);
        member.bindTooltip(`${chosen.rank} ${chosen.name || chosen.id}${words.colon}${words.site_won} ${count(chosen.won, words)}`);
      });
      panel.addEventListener("change", onChange);
      panel.querySelector(".lc-head input").addEventListener("input", (event) => event.target.setCustomValidity(""));
      panel.querySelector("button").addEventListener("click", () => panel.classList.toggle("lc-folded"));
      fillSearch();
    }

    function onChange(event) {
      const input = event.target;
      if (input.name === "group") state.group = Number(input.value);
      else if (input.name === "gap") state.gap = input.value;
      else if (input.type === "radio") choose(input.value);
      else if (input.type === "checkbox") state[input.value] = input.checked;
      else { find(input.value); return; }
      map.closePopup();
      draw();
    }

    /* The service that was looked at is the one whose gaps are laid over the priority groups. */
    function choose(key) {
      state.chosen = key;
      if (facts.layers.some((layer) => layer.key === key && layer.rules.length)) state.gap = key;
    }

    function fill(name, keep) {
      shown[name].clearLayers();
      if (state[name]) members[name].filter(keep).forEach((member) => shown[name].addLayer(member));
    }

    /* Seen from afar, marks are small and lines thin. */
    function scaleMarks() {
      const far = Math.max(0, Math.min(NEAR_ZOOM - map.getZoom(), 3));
      map.getContainer().style.setProperty("--lc-site", (1 - 0.19 * far).toFixed(2));
      map.getContainer().style.setProperty("--lc-disc", (1 - 0.12 * far).toFixed(2));
      shown.circles.eachLayer((member) => member.setStyle({weight: 1.8 - 0.4 * far}));
    }

    function draw() {
      const ofLayer = (member) => member.feature.properties.layer === state.chosen;
      layers.townships.setStyle((feature) => ({stroke: false, fill: true, fillOpacity: state.townships ? 1 : 0,
        fillColor: inPriority() ? densityColour((feature.properties.priority || [])[state.group], facts.priority.groups[state.group])
          : colour(share(feature.properties.figures[state.chosen], chosenLayer()), chosenLayer())}));
      if (state.ground) layers.ground.addTo(map); else layers.ground.remove();
      fill("circles", ofLayer);
      shown.circles.eachLayer((member) => member.setStyle(CIRCLE));
      scaleMarks();
      fill("places", (member) => {
        if (inPriority()) return priorityMark(member);
        const counts = member.feature.properties.counts[state.chosen];
        if (!counts || counts[0] === 0) return false;
        member.setIcon(icon("lc-disc", disc(counts, member.radius), 2 * member.radius + 4));
        return true;
      });
      fill("facilities", ofLayer);
      fill("sites", ofLayer);
      drawTitle(title, facts, chosenLayer());
      panel.querySelector(".lc-facts").innerHTML = inPriority() ? priorityFacts(facts.priority, facts, state)
        : districtFacts(chosenLayer(), facts) + sitingFacts(chosenLayer(), facts);
      panel.querySelector(".lc-legend").innerHTML = legend();
      drawNames();
    }

    function priorityMark(member) {
      const place = member.feature.properties;
      const made = priorityDisc((place.priority || [])[state.group], facts.priority.groups[state.group], mainState(place.counts[state.gap]));
      if (made) member.setIcon(made);
      return made !== null;
    }

    function group(name, note, rows, title) {
      return `<div class="lc-group"><label><input type="checkbox" value="${name}"${state[name] ? " checked" : ""}>` +
        `${title || words[name]}</label>${note ? ` <span class="lc-note">${note}</span>` : ""}${rows.join("")}</div>`;
    }

    function unitBands(layer) {
      const values = units.map((unit) => share(unit.figures[layer.key], layer));
      const known = values.filter((value) => typeof value === "number");
      const bands = steps(layer);
      const edge = (value) => (byArea(layer) ? plain(value * layer.district.m2_target) : `${value * 100}`);
      const unit = byArea(layer) ? ` ${words.m2_unit}` : "%";
      const rows = bands.map(([lower, fill], index) => {
        const upper = index ? bands[index - 1][0] : Infinity;
        const amount = known.filter((value) => value >= lower && value < upper).length;
        const text = index === 0 ? `≥ ${edge(lower)}` : lower === 0 ? `< ${edge(upper)}` : `${edge(lower)}–${edge(upper)}`;
        return legendRow(swatch(fill), text + unit, `${amount} ${words.counts.township}`);
      });
      const without = [[null, words.few], [undefined, words.no_data]].filter(([value]) => values.includes(value));
      return [...rows, ...without.map(([value, text]) => legendRow(swatch(colour(value, layer)), text,
        `${values.filter((item) => item === value).length} ${words.counts.township}`))];
    }

    function placeRows(layer) {
      const said = layer.members ? words.all_of : words.mostly;
      const states = members.places.map((member) => mainState(member.feature.properties.counts[layer.key]));
      const amount = (key) => `${states.filter((item) => item === key).length} ${words.counts.place}`;
      const rows = STATE_KEYS.map((key, index) => {
        const counts = [1, 0, 0, 0];
        counts[index + 1] = 1;
        return legendRow(disc(counts, 6), said[key], amount(key));
      });
      if (states.includes("hidden")) rows.push(legendRow(disc([null, null, null, null], 6), said.hidden, amount("hidden")));
      return states.includes("none") ? [...rows, legendRow('<svg width="16" height="16"></svg>', said.none, amount("none"))] : rows;
    }

    function siteRows(layer) {
      const sites = members.facilities.map((member) => member.feature.properties).filter((item) => item.layer === layer.key);
      const inside = sites.filter((item) => item.inside);
      const row = (mark, text, some) => legendRow(mark, text, `${some.length} ${words.counts.facility}`);
      const rows = ["existing", "building", "planned"].map((status) =>
        row(site(status, true, true), words.status[status], inside.filter((item) => item.status === status)));
      const unjoined = inside.filter((item) => item.unjoined);
      const outside = sites.filter((item) => !item.inside);
      if (unjoined.length) rows.push(row(site("existing", false, true), words.unjoined, unjoined));
      if (outside.length) rows.push(row(site("existing", true, false), words.outside, outside));
      return rows;
    }

    function legend() {
      const layer = chosenLayer();
      if (inPriority()) {
        const places = members.places.map((member) => member.feature.properties);
        return [group("townships", "", priorityBands(layer, units, facts, state), words.priority_density),
          group("places", words.priority_places_note, priorityPlaceRows(layer, places, facts, state)),
          `<p class="lc-note">${words.hidden_note}</p>`, group("ground", "", []), group("names", "", [])].join("");
      }
      const circle = '<span class="lc-swatch lc-circle"></span>';
      const heading = layer.members ? words.townships_all : byArea(layer) ? words.townships_m2 : "";
      const parts = [group("townships", "", unitBands(layer), heading)];
      if (layer.members) {
        return [...parts, group("places", words.places_note, placeRows(layer)), group("ground", "", []),
          group("names", "", [])].join("");
      }
      if (layer.rules.length) {
        parts.push(group("circles", `${circle} ${words.circles_note}`, []), group("places", words.places_note, placeRows(layer)));
      }
      const chosen = members.sites.map((member) => member.feature.properties).filter((item) => item.layer === layer.key);
      if (chosen.length) parts.push(group("sites", "", chosenRows(chosen, facts)));
      return [...parts, group("facilities", "", siteRows(layer)), group("ground", "", []), group("names", "", [])].join("");
    }

    /* Names of townships, then from a closer view of places, each where it hides no other. */
    function drawNames() {
      shown.names.clearLayers();
      if (!state.names) return;
      const taken = [];
      const square = (member) => {
        const centre = map.latLngToContainerPoint(member.getLatLng());
        return L.bounds(centre.subtract([member.radius, member.radius]), centre.add([member.radius, member.radius]));
      };
      const discs = [...members.places, ...members.sites].filter((member) => map.hasLayer(member)).map(square);
      const put = (places, text, size, className) => {
        const half = L.point((textLength(text) * size) / 2 + 2, size / 2 + 2);
        const areas = places.map((at) => L.bounds(at.subtract(half), at.add(half)))
          .filter((area) => !taken.some((other) => other.intersects(area)));
        const area = areas.find((item) => !discs.some((other) => other.intersects(item))) || areas[0];
        if (!area || !L.bounds([0, 0], map.getSize()).contains(area.getCenter())) return;
        taken.push(area);
        shown.names.addLayer(L.marker(map.containerPointToLatLng(area.getCenter()), {interactive: false, keyboard: false,
          pane: "lc-names", icon: icon(`lc-name ${className}`, `<span>${text}</span>`, 0)}));
      };
      [...units].sort((a, b) => (b.people || 0) - (a.people || 0)).forEach((unit) => {
        const at = map.latLngToContainerPoint(unit.at);
        put([0, -16, 16, -32, 32].map((dy) => at.add([0, dy])), unit.name + (unit.doubts[state.chosen] ? " \u26a0\ufe0e" : ""), 13, "");
      });
      if (map.getZoom() < NEAR_ZOOM) return;
      members.places.forEach((member) => {
        const at = map.latLngToContainerPoint(member.getLatLng());
        const text = member.feature.properties.name;
        put([at.add([0, member.radius + 9]), at.subtract([0, member.radius + 9])], text, 12, "lc-name-place");
      });
    }

    /* Length of a text in ems: Latin letters are about half as wide as Chinese ones. */
    function textLength(text) {
      return [...text.replace(/&#?\w+;/g, "x")].reduce((sum, letter) => sum + (letter < "\u2e80" ? 0.58 : 1), 0);
    }

    function fillSearch() {
      const names = [...units.map((unit, index) => `<option value="${unit.name}" data-at="townships ${index}"></option>`),
        ...members.places.map((member, index) => `<option value="${member.feature.properties.name} · ` +
          `${member.feature.properties.township}" data-at="places ${index}"></option>`)];
      names.push(...members.sites.map((member, index) => `<option value="${member.feature.properties.name || member.feature.properties.id} · ` +
        `${words.sites} ${member.feature.properties.rank}" data-at="sites ${index}"></option>`));
      panel.querySelector("datalist").innerHTML = names.join("");
    }

    /* What was typed, short enough for a hint; it is shown as text and never as markup. */
    function plainText(text) { return text.length > 40 ? `${text.slice(0, 40)}…` : text; }

    function find(text) {
      const wanted = text.trim();
      const options = [...panel.querySelectorAll("datalist option")];
      const option = wanted && (options.find((item) => item.value === wanted) || options.find((item) => item.value.includes(wanted)));
      const field = panel.querySelector(".lc-head input");
      field.setCustomValidity(option || !wanted ? "" : `${words.not_found}${words.colon}${plainText(wanted)}`);
      if (!option) { field.reportValidity(); return; }
      const [name, index] = option.dataset.at.split(" ");
      const member = members[name][Number(index)];
      if (name === "sites") panel.querySelector(`input[value="${member.feature.properties.layer}"]`).click();
      if (name === "townships") map.fitBounds(member.getBounds(), {animate: false, ...fitRoom});
      else map.setView(member.getLatLng(), Math.max(map.getZoom(), 14), {animate: false});
      if (name === "places" && !map.hasLayer(member)) return;
      member.openPopup();
    }
  }

  return start;
})();
