/* The planner's page: one service at a time on a Leaflet map.
   Every text in facts and properties is HTML already (escaped before it came here) and goes into markup as it is. */
window.lifecircle = (function () {
  "use strict";

  const STATES = {in_time: "#2b6ca3", out: "#d9710f", undetermined: "url(#lc-hatch)"};
  const STATE_KEYS = ["in_time", "out", "undetermined"];
  const RATES = [[0.95, "#8dbbdd"], [0.8, "#c3dcee"], [0.6, "#f3efe6"], [0.4, "#f9d9b4"], [0, "#f2b376"]];
  const NO_RATE = "#dcdcdc";
  const CIRCLE = {color: "#4a3485", weight: 1.6, opacity: 0.9, fillColor: "#4a3485", fillOpacity: 0.13};
  const SITE = "#33203f";
  const FEW = 5; // A count that is too small to be shown is drawn as this many.

  /* ---- numbers and small markup ---- */

  function percent(rate, none) {
    if (rate === null || rate === undefined) return none;
    const shown = Math.round(rate * 1000) / 10;
    return Math.min(Math.max(shown, rate > 0 ? 0.1 : 0), rate < 1 ? 99.9 : 100).toFixed(1) + "%";
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

  function disc(counts, radius) {
    const people = STATE_KEYS.map((key, index) => (counts[index + 1] === null ? FEW : counts[index + 1]));
    const total = people.reduce((sum, part) => sum + part, 0);
    let from = 0;
    const slices = people.map((part, index) => {
      const to = total ? from + part / total : 0;
      const drawn = part > 0 ? slice(radius, from, to, STATES[STATE_KEYS[index]]) : "";
      from = to;
      return drawn;
    });
    const size = 2 * radius + 4;
    return `<svg width="${size}" height="${size}" viewBox="${-size / 2} ${-size / 2} ${size} ${size}">` +
      `<circle r="${radius + 1}" fill="#fff"/>${slices.join("")}` +
      `<circle r="${radius + 0.4}" fill="none" stroke="#fff" stroke-width="1.2"/></svg>`;
  }

  function site(status, joined, inside) {
    const fill = {existing: SITE, building: "url(#lc-half)", planned: "#fff"}[status] || SITE;
    const dash = joined ? "" : ' stroke-dasharray="2 1.6"';
    return `<svg width="15" height="15" viewBox="-7.5 -7.5 15 15" opacity="${inside ? 1 : 0.45}">` +
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
    const people = counts.slice(1).map((part) => (part === null ? FEW : part));
    return STATE_KEYS[people.indexOf(Math.max(...people))];
  }

  /* ---- pop-ups ---- */

  function layerName(layer, chosen) {
    return `<tr${layer.key === chosen ? ' class="lc-chosen"' : ""}>${cell(layer.label)}`;
  }

  function townshipPopup(unit, facts, chosen) {
    const words = facts.words;
    const rows = facts.layers.map((layer) => {
      const figures = unit.figures[layer.key] || {};
      const range = figures.low !== figures.high && figures.low !== undefined && figures.low !== null
        ? ` <small>${percent(figures.low, "")}–${percent(figures.high, "")}</small>` : "";
      const area = typeof figures.m2 === "number" ? plain(figures.m2) : words.none;
      const verdict = figures.verdict || figures.m2_verdict;
      return layerName(layer, chosen) + cell(percent(figures.rate, words.none) + range, true) +
        cell(count(figures.out, words), true) + cell(count(figures.undetermined, words), true) + cell(area, true) +
        cell(words.verdicts[verdict] || words.none) + "</tr>";
    });
    const people = typeof unit.people === "number" ? `<p>${words.people} ${count(unit.people, words)}</p>` : "";
    const lacking = unit.lacking.map((gap) => {
      const layer = facts.layers.find((item) => item.key === gap.layer);
      const amount = `${words.lacking} ${plain(gap.short)} ${words.units[gap.unit] ?? gap.unit}`;
      const where = words.unit_names[gap.metric] ? ` (${words.unit_names[gap.metric]})` : "";
      return `<p>${layer.label}·${words.kind[gap.kind] || gap.kind}${words.colon}${amount}${where}</p>`;
    });
    return `<h3>${unit.name}</h3>${people}${table(words.township_table, rows)}${lacking.join("")}`;
  }

  function placePopup(place, facts, chosen) {
    const words = facts.words;
    const extra = [];
    const rows = facts.layers.map((layer) => {
      const counts = place.counts[layer.key] || [];
      const gaps = place.gaps[layer.key] || [];
      const reach = gaps.find((gap) => gap.kind === "reach") || {};
      gaps.filter((gap) => gap.kind !== "reach").forEach((gap) => extra.push(otherGap(layer, gap, words)));
      return layerName(layer, chosen) + cell(count(counts[2], words), true) + cell(count(counts[3], words), true) +
        cell(minutes(reach.median, words), true) + `<td class="lc-wrap">${reach.nearest || words.none}</td>` +
        cell(words.cause[reach.cause] || words.none) + "</tr>";
    });
    const merged = place.merged ? `<p>${words.merged}${words.colon}${place.merged}</p>` : "";
    return `<h3>${place.name}</h3><p>${place.township} · ${words.class[place.class] || place.class} · ` +
      `${words.people} ${count(place.people, words)}</p>${merged}` +
      table(words.place_table, rows) + extra.join("");
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
    const joined = place.joined ? `${words.snap} ${minutes(place.snap, words)} m` : words.unjoined;
    const capacity = typeof place.capacity === "number" ? `${plain(place.capacity)} ${words.units[place.unit] ?? place.unit}` : words.unknown;
    const area = typeof place.area === "number" ? [[words.area, `${plain(place.area)} m²`]] : [];
    const rows = [[words.layer, layer.label], [words.level, place.level], [words.capacity, capacity], ...area,
      [words.source, `${place.source} (${words.quality[place.quality] || place.quality})`], [words.id, place.id]];
    const shown = rows.filter((row) => row[1]).map((row) => `<tr><th>${row[0]}</th>${cell(row[1])}</tr>`).join("");
    return `<h3>${place.name || place.id}</h3><p>${place.township || words.outside} · ` +
      `${words.status[place.status] || place.status} · ${joined}</p><table class="lc-table">${shown}</table>`;
  }

  /* ---- the page ---- */

  function box(map, className, markup) {
    const element = L.DomUtil.create("div", `lc ${className}`, map.getContainer());
    element.innerHTML = markup;
    L.DomEvent.disableClickPropagation(element);
    L.DomEvent.disableScrollPropagation(element);
    return element;
  }

  function drawFrame(map, facts) {
    const words = facts.words;
    const notice = facts.approval ? `${words.approval}${words.colon}${facts.approval}`
      : `<span class="lc-notice">${words.not_approved}</span>`;
    const osm = facts.osm ? "© OpenStreetMap contributors, ODbL · " : "";
    const foot = box(map, "lc-foot", `<div></div><div>${notice}</div>` +
      `<div class="lc-credit">${osm}${words.drawn} lifecircle ${facts.version} · Leaflet</div>`);
    foot.firstChild.append(L.control.scale({imperial: false}).addTo(map).getContainer());
    box(map, "lc-north", `<svg width="14" height="20" viewBox="0 0 14 20"><path d="M7 1L13 19L7 15Z" fill="#333"/>` +
      `<path d="M7 1L1 19L7 15Z" fill="#fff" stroke="#333"/></svg>${words.north}`);
    const patterns = L.DomUtil.create("div", "", map.getContainer());
    patterns.innerHTML = '<svg width="0" height="0" style="position:absolute"><defs>' +
      '<pattern id="lc-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<rect width="4" height="4" fill="#e4e4e4"/><rect width="1.8" height="4" fill="#6d6d6d"/></pattern>' +
      `<linearGradient id="lc-half"><stop offset=".5" stop-color="${SITE}"/><stop offset=".5" stop-color="#fff"/>` +
      "</linearGradient></defs></svg>";
    if (facts.model) drawWatermark(map, words);
  }

  function drawWatermark(map, words) {
    const text = (x, y) => `<text x="${x}" y="${y}" transform="rotate(-24 ${x} ${y})" text-anchor="middle" ` +
      `font-family="sans-serif" font-size="19" fill="#a3260f" fill-opacity=".17">${words.model.split(" (")[0]}</text>`;
    const tile = `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="170">${text(120, 42)}${text(0, 127)}${text(240, 127)}</svg>`;
    const mark = L.DomUtil.create("div", "lc-watermark", map.getContainer());
    mark.style.backgroundImage = `url("data:image/svg+xml,${encodeURIComponent(tile)}")`;
  }

  function drawTitle(element, facts, layer) {
    const words = facts.words;
    const model = facts.model ? ` <span class="lc-mark">${words.model}</span>` : "";
    const facts_ = [words.basis + groupNote(layer, words), facts.date && `${words.date} ${facts.date}`,
      `${words.crs} ${facts.crs}`, `${words.run} ${facts.run_id}`];
    element.innerHTML = `<h1>${facts.district} · ${layer.label}${words.circle_title}${model}</h1>` +
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
      `${words.unit_names[item.metric] || item.metric}${item.level === "all" ? "" : words.separator + item.level})`;
  }

  function districtFacts(layer, facts) {
    const words = facts.words;
    const figures = layer.district;
    const lines = [`${words.rule}${words.colon}${ruleText(layer, words)}`];
    if (figures.rate !== undefined) {
      const range = figures.low === figures.high ? "" : ` <small>${percent(figures.low, "")}–${percent(figures.high, "")}</small>`;
      lines.unshift(`${words.total_rate} <b>${percent(figures.rate, words.none)}</b>${range}`);
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
    if (layer.lead) lines.push(`${words.lead}${words.colon}${layer.lead}`);
    return lines.map((line) => `<div>${line}</div>`).join("");
  }

  function rateColour(rate) {
    return rate === null || rate === undefined ? NO_RATE : RATES.find((step) => rate >= step[0])[1];
  }

  function start(map, layers, facts) {
    const words = facts.words;
    const state = {chosen: facts.layers[0].key, townships: true, circles: true, places: true, facilities: true,
      ground: true, names: true};
    const members = {};
    Object.keys(layers).forEach((name) => { members[name] = layers[name].getLayers(); });
    const units = members.townships.map((member) => member.feature.properties);
    const borders = L.geoJSON(layers.townships.toGeoJSON(5),
      {pane: "lc-borders", interactive: false, style: {fill: false, color: "#5d5d5d", weight: 1.2, opacity: 0.8}});
    const shown = {circles: L.layerGroup(), places: L.layerGroup(), facilities: L.layerGroup(), names: L.layerGroup()};
    const chosenLayer = () => facts.layers.find((layer) => layer.key === state.chosen);

    drawFrame(map, facts);
    const title = box(map, "lc-title", "");
    const panel = box(map, "lc-panel", panelMarkup());
    layers.townships.addTo(map);
    borders.addTo(map);
    layers.ground.setStyle(groundStyle);
    Object.values(shown).forEach((group) => group.addTo(map));
    prepare();
    map.fitBounds(layers.townships.getBounds(), {paddingTopLeft: [10, 60],
      paddingBottomRight: [Math.min(panel.offsetWidth + 20, map.getSize().x / 3), 30]});
    map.on("zoomend moveend", drawNames);
    draw();

    function panelMarkup() {
      const radios = facts.layers.map((layer, index) => `<label><input type="radio" name="lc-service" ` +
        `value="${layer.key}"${index ? "" : " checked"}>${layer.label}</label>`).join("");
      return `<div class="lc-head"><input type="search" list="lc-found" placeholder="${words.search}" ` +
        `aria-label="${words.search}"><datalist id="lc-found"></datalist>` +
        `<button type="button" title="${words.collapse}" aria-label="${words.collapse}">–</button></div>` +
        `<h2>${words.service}</h2><div class="lc-services">${radios}</div><div class="lc-facts"></div>` +
        `<h2>${words.shown}</h2><div class="lc-legend"></div>`;
    }

    function groundStyle(feature) {
      const rank = feature.properties.rank;
      const area = /Polygon/.test(feature.geometry.type);
      if (rank < 0) return {color: "#9cc7d8", weight: area ? 0.6 : 1.4, opacity: 1, fill: area, fillColor: "#c4dfe9", fillOpacity: 1};
      return {color: ["#cfc8bc", "#bdb4a5", "#a79c8a", "#8f836f"][rank], weight: 0.6 + 0.5 * rank, opacity: 0.9, fill: false};
    }

    function prepare() {
      const largest = Math.max(...members.places.map((member) => member.feature.properties.people), 1);
      members.townships.forEach((member) => {
        const unit = member.feature.properties;
        member.bindPopup(() => townshipPopup(unit, facts, state.chosen), {maxWidth: 520});
        member.bindTooltip(() => `${unit.name} ${percent((unit.figures[state.chosen] || {}).rate, words.none)}`, {sticky: true});
      });
      members.places.forEach((member) => {
        const place = member.feature.properties;
        member.radius = Math.round(4 + 8 * Math.sqrt(place.people / largest));
        member.options.zIndexOffset = -1000 - 10 * member.radius;
        member.bindPopup(() => placePopup(place, facts, state.chosen), {maxWidth: 520});
        member.bindTooltip(place.name);
      });
      members.facilities.forEach((member) => {
        const place = member.feature.properties;
        member.setIcon(icon("lc-site", site(place.status, place.joined, place.inside), 15));
        member.bindPopup(() => sitePopup(place, facts), {maxWidth: 420});
        member.bindTooltip(place.name || place.id);
      });
      panel.addEventListener("change", onChange);
      panel.querySelector("button").addEventListener("click", () => panel.classList.toggle("lc-folded"));
      fillSearch();
    }

    function onChange(event) {
      const input = event.target;
      if (input.type === "radio") state.chosen = input.value;
      else if (input.type === "checkbox") state[input.value] = input.checked;
      else { find(input.value); return; }
      map.closePopup();
      draw();
    }

    function fill(name, keep) {
      shown[name].clearLayers();
      if (state[name]) members[name].filter(keep).forEach((member) => shown[name].addLayer(member));
    }

    function draw() {
      const ofLayer = (member) => member.feature.properties.layer === state.chosen;
      layers.townships.setStyle((feature) => ({stroke: false, fill: true, fillOpacity: state.townships ? 1 : 0,
        fillColor: rateColour((feature.properties.figures[state.chosen] || {}).rate)}));
      if (state.ground) layers.ground.addTo(map); else layers.ground.remove();
      fill("circles", ofLayer);
      shown.circles.eachLayer((member) => member.setStyle(CIRCLE));
      fill("places", (member) => {
        const counts = member.feature.properties.counts[state.chosen];
        if (counts) member.setIcon(icon("lc-disc", disc(counts, member.radius), 2 * member.radius + 4));
        return Boolean(counts);
      });
      fill("facilities", ofLayer);
      drawTitle(title, facts, chosenLayer());
      panel.querySelector(".lc-facts").innerHTML = districtFacts(chosenLayer(), facts);
      panel.querySelector(".lc-legend").innerHTML = legend();
      drawNames();
    }

    function group(name, note, rows) {
      return `<div class="lc-group"><label><input type="checkbox" value="${name}"${state[name] ? " checked" : ""}>` +
        `${words[name]}</label>${note ? ` <span class="lc-note">${note}</span>` : ""}${rows.join("")}</div>`;
    }

    function legend() {
      const rates = units.map((unit) => (unit.figures[state.chosen] || {}).rate);
      const known = rates.filter((rate) => typeof rate === "number");
      const bands = RATES.map((step, index) => {
        const upper = index ? RATES[index - 1][0] : 1.01;
        const amount = known.filter((rate) => rate >= step[0] && rate < upper).length;
        const text = index ? `${step[0] * 100}–${upper * 100}%` : `≥ ${step[0] * 100}%`;
        return legendRow(swatch(step[1]), index === RATES.length - 1 ? `< ${upper * 100}%` : text, `${amount} ${words.counts.township}`);
      });
      if (known.length < rates.length) {
        bands.push(legendRow(swatch(NO_RATE), words.no_data, `${rates.length - known.length} ${words.counts.township}`));
      }
      const counted = members.places.map((member) => mainState(member.feature.properties.counts[state.chosen]));
      const states = STATE_KEYS.map((key, index) => {
        const counts = [1, 0, 0, 0];
        counts[index + 1] = 1;
        return legendRow(disc(counts, 6), words.mostly[key], `${counted.filter((item) => item === key).length} ${words.counts.place}`);
      });
      const sites = members.facilities.map((member) => member.feature.properties).filter((item) => item.layer === state.chosen);
      const kinds = ["existing", "building", "planned"].map((status) => legendRow(site(status, true, true), words.status[status],
        `${sites.filter((item) => item.status === status && item.inside).length} ${words.counts.facility}`));
      const unjoined = sites.filter((item) => !item.joined && item.inside).length;
      const outside = sites.filter((item) => !item.inside).length;
      if (unjoined) kinds.push(legendRow(site("existing", false, true), words.unjoined, `${unjoined} ${words.counts.facility}`));
      if (outside) kinds.push(legendRow(site("existing", true, false), words.outside, `${outside} ${words.counts.facility}`));
      return group("townships", "", bands) +
        group("circles", `<span class="lc-swatch lc-circle" style="display:inline-block;vertical-align:-2px"></span> ${words.circles_note}`, []) +
        group("places", words.places_note, states) + group("facilities", "", kinds) + group("ground", "", []) +
        group("names", "", []);
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
      const discs = state.places ? members.places.filter((member) => map.hasLayer(member)).map(square) : [];
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
        put([0, -16, 16, -32, 32].map((dy) => at.add([0, dy])), unit.name, 13, "");
      });
      if (map.getZoom() < 13) return;
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
      panel.querySelector("datalist").innerHTML = names.join("");
    }

    function find(text) {
      const wanted = text.trim();
      const options = [...panel.querySelectorAll("datalist option")];
      const option = wanted && (options.find((item) => item.value === wanted) || options.find((item) => item.value.includes(wanted)));
      if (!option) return;
      const [name, index] = option.dataset.at.split(" ");
      const member = members[name][Number(index)];
      if (name === "townships") map.fitBounds(member.getBounds(), {animate: false});
      else map.setView(member.getLatLng(), Math.max(map.getZoom(), 14), {animate: false});
      if (name === "places" && !map.hasLayer(member)) return;
      member.openPopup();
    }
  }

  return {point: point, start: start};
})();
