/* The planner's page: one theme at a time on a Leaflet map. Themes stand in lifecircle.themes; each may have
   available(facts, members), services(facts, members), label(facts), shows, basis, scale with value, or fill, unitText,
   mark (of a place), extra (further drawings), facts, legend, unitCard and placeCard, all called with the view. */
window.lifecircle.start = (function () {
  "use strict";

  const {NEAR_ZOOM, bandRows, box, chosenPopup, chosenRows, count, doubtMark, doubtNote, drawFrame, drawNames, drawRoute, drawTitle, facilityCard,
    fillList, fillSearch, find, gather, groundStyle, heapSymbol, icon, legendRow, panelMarkup, placeCard, placeTip, routeOf, scaleColour, serviceRadios, site,
    star, themes, townshipCard} = window.lifecircle;
  const ORDER = ["reach", "rings", "gaps", "area", "all", "plan", "priority", "sites", "scenario"];
  const CIRCLE = {color: "#4a3485", opacity: 0.85, fillColor: "#4a3485", fillOpacity: 0.14};

  function start(map, layers, facts) {
    const words = facts.words;
    const members = {sites: []};
    Object.keys(layers).forEach((name) => { members[name] = layers[name].getLayers(); });
    Object.keys(themes).forEach((key) => { themes[key].key = key; });
    const there = (theme) => (theme.available ? theme.available(facts, members) : true) && (!theme.services || theme.services(facts, members).length > 0);
    const shown = {};
    ["extra", "circles", "places", "facilities", "sites", "names", "route"].forEach((name) => { shown[name] = L.layerGroup(); });
    const state = {theme: "", chosen: "", group: 0, gap: (facts.layers.find((layer) => layer.rules.length) || facts.layers[0]).key, kind: "reach",
      measure: facts.plan ? themes.plan.start(facts) : 0};
    ["townships", "circles", "ring0", "ring1", "gaps", "roads", "places", "facilities", "sites", "ground", "names"].forEach((name) => { state[name] = true; });
    const popupRoom = {maxWidth: Math.min(520, map.getSize().x - 92), maxHeight: Math.max(160, Math.min(430, map.getSize().y - 220)),
      autoPanPaddingTopLeft: [56, 76], autoPanPaddingBottomRight: [20, 20]};
    let opener = null;

    const view = {
      map, facts, words, members, state, shown, room: popupRoom, themes: ORDER.map((key) => themes[key]).filter((theme) => theme && there(theme)),
      units: members.townships.map((member) => member.feature.properties), ringRenderer: L.canvas({pane: "lc-circles"}),
      theme: () => themes[state.theme],
      services: () => (view.theme().services ? view.theme().services(facts, members) : []),
      layer: () => (view.theme().services ? facts.layers.find((layer) => layer.key === state.chosen) : view.theme().label(facts)),
      group: (name, note, rows, title) => `<div class="lc-group"><label><input type="checkbox" value="${name}"${state[name] ? " checked" : ""}>` +
        `${title || words[name]}</label>${note ? ` <span class="lc-note">${note}</span>` : ""}${rows.join("")}</div>`,
      bands: (title) => view.group("townships", "", bandRows(view.units.map((unit) => view.theme().value(unit, view)), view.theme().scale(view), words, words.counts.township), title),
      siteGroup, facilityGroup, open, planValue: (amount, unit) => themes.plan.value(amount, unit, words),
      hasRoutes: () => Object.keys(facts.routes || {}).length > 0, routeOf: (place, key) => routeOf(facts, place, key),
    };
    state.theme = view.themes[0].key;
    keepService();

    drawFrame(map, facts);
    const title = box(map, "lc-title", "");
    const panel = box(map, "lc-panel", panelMarkup(view));
    view.panel = panel;
    const phone = map.getSize().x <= 600;
    if (!phone) popupRoom.autoPanPaddingBottomRight[0] += Math.min(panel.offsetWidth, map.getSize().x / 3);
    facts.tiles.forEach((address) => L.tileLayer(address, {maxZoom: 20, maxNativeZoom: 18}).addTo(map));
    layers.townships.addTo(map);
    L.geoJSON(layers.townships.toGeoJSON(5), {pane: "lc-borders", interactive: false, style: {fill: false, color: "#5d5d5d", weight: 1.2, opacity: 0.8}}).addTo(map);
    layers.ground.setStyle(groundStyle);
    Object.values(shown).forEach((group) => group.addTo(map));
    drawTitle(title, view);
    if (phone) fold(true);
    if (phone) Object.assign(popupRoom, {autoPanPaddingTopLeft: [46, title.offsetHeight + 12], autoPanPaddingBottomRight: [8, panel.offsetHeight + 8]});
    prepare();
    const foot = map.getContainer().querySelector(".lc-foot");
    const fitRoom = phone ? {paddingTopLeft: [44, title.offsetHeight + 16], paddingBottomRight: [10, panel.offsetHeight + foot.offsetHeight + 16]}
      : {paddingTopLeft: [10, 60], paddingBottomRight: popupRoom.autoPanPaddingBottomRight};
    map.fitBounds(layers.townships.getBounds(), {animate: false, ...fitRoom});
    map.on("zoomend", () => { scaleMarks(); drawFacilities(); });
    map.on("moveend", () => drawNames(view)); // a zoom ends with a move
    draw();

    function prepare() {
      const largest = Math.max(...members.places.map((member) => member.feature.properties.people), 1);
      members.townships.forEach((member) => {
        const unit = member.feature.properties;
        member.bindPopup(() => (view.theme().unitCard || townshipCard)(unit, view), popupRoom);
        member.bindTooltip(() => `${unit.name} ${view.theme().unitText(unit, view)}` + doubtMark(unit.doubts[view.layer().key], words), {sticky: true});
      });
      members.places.forEach((member) => {
        const place = member.feature.properties;
        member.radius = Math.round(4 + 8 * Math.sqrt(place.people / largest));
        member.options.zIndexOffset = -1000 - 10 * member.radius;
        if (place.services) place.counts[facts.circle.key] = place.services.counts;
        member.bindPopup(() => (view.theme().placeCard || placeCard)(place, view), popupRoom);
        member.bindTooltip(() => (view.theme().placeTip || placeTip)(place, view));
      });
      members.facilities.forEach((member) => {
        const place = member.feature.properties;
        member.setIcon(icon("lc-site", site(place.status, !place.unjoined, place.inside), 15));
        member.bindPopup(() => facilityCard(place, view), popupRoom);
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
      panel.querySelector(".lc-head button").addEventListener("click", () => fold(!panel.classList.contains("lc-folded")));
      panel.querySelector(".lc-list").addEventListener("toggle", () => fillList(view));
      map.getContainer().addEventListener("click", onClick);
      map.getContainer().addEventListener("keydown", (event) => { if (event.key === "Escape") map.closePopup(); });
      map.on("popupopen", (event) => onOpen(event.popup));
      map.on("popupclose", (event) => onClose(event.popup));
      fillSearch(view);
    }

    function fold(folded) {
      panel.classList.toggle("lc-folded", folded);
      const button = panel.querySelector(".lc-head button");
      button.setAttribute("aria-expanded", String(!folded));
      button.textContent = folded ? "+" : "–";
      if (phone) sizeBoxes();
    }

    /* On a phone the panel is a sheet at the bottom; what stands above it and below the title makes room. */
    function sizeBoxes() {
      map.getContainer().style.setProperty("--lc-top", `${title.offsetHeight + 6}px`);
      map.getContainer().style.setProperty("--lc-sheet", `${panel.offsetHeight}px`);
    }

    /* ---- what the user does ---- */

    function onChange(event) {
      const input = event.target;
      if (input.type === "search") { find(input.value, view); return; }
      if (input.name === "unit") { fillList(view); return; }
      if (input.name === "group") state.group = Number(input.value);
      else if (input.name === "gap" || input.name === "kind") state[input.name] = input.value;
      else if (input.name === "lc-theme") chooseTheme(input.value);
      else if (input.type === "radio") choose(input.value);
      else if (input.type === "checkbox") state[input.value] = input.checked;
      map.closePopup();
      draw();
      if (input.tagName === "SELECT") panel.querySelector(`select[name="${input.name}"]`).focus();
    }

    function onClick(event) {
      const button = event.target.closest("button");
      if (!button) {
        const row = event.target.closest("tr[data-row]");
        if (row) row.querySelector("button").click();
      } else if (button.dataset.open) {
        opener = button;
        const [name, index] = button.dataset.open.split(" ");
        open(name, Number(index));
      } else if (button.dataset.measure !== undefined) {
        [state.measure, state.waiting] = [Number(button.dataset.measure), Boolean(button.closest("details"))];
        draw();
        panel.querySelector(`[data-measure="${state.measure}"]`).focus();
      } else if (button.dataset.route) showRoute(button);
    }

    function showRoute(button) {
      const card = button.closest(".leaflet-popup-content");
      card.querySelectorAll("[data-route]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      const place = members.places.find((member) => member.feature.properties.code === button.dataset.route).feature.properties;
      card.querySelector(".lc-told").innerHTML = drawRoute(view, place, button.dataset.layer, map._popup);
    }

    function onOpen(popup) {
      const element = popup.getElement();
      const card = element.querySelector(".leaflet-popup-content");
      const close = element.querySelector(".leaflet-popup-close-button");
      if (close) close.setAttribute("aria-label", words.close);
      const heading = card.querySelector("h3");
      [["role", "dialog"], ["tabindex", "0"], ["aria-label", heading ? heading.textContent : ""]].forEach(([name, value]) => card.setAttribute(name, value));
      card.focus({preventScroll: true});
      const way = card.querySelector(`[data-layer="${view.layer().key}"]`);
      if (way) showRoute(way);
    }

    function onClose(popup) {
      shown.route.clearLayers();
      const inside = popup.getElement() && popup.getElement().contains(document.activeElement);
      if (inside && opener && opener.isConnected) opener.focus();
      opener = null;
    }

    /* Bring something into view and open its card; a site or facility is shown under its own service. */
    function open(name, index) {
      const member = members[name][index];
      const own = member.feature.properties;
      if ((name === "sites" || name === "facilities") && own.layer !== view.layer().key) {
        state.theme = "reach";
        choose(own.layer);
        draw();
      }
      if (name === "townships") map.fitBounds(member.getBounds(), {animate: false, ...fitRoom});
      else map.setView(member.getLatLng(), Math.max(map.getZoom(), 14), {animate: false});
      if (phone) fold(true);
      if (map.hasLayer(member)) member.openPopup();
      else L.popup(popupRoom).setLatLng(member.getLatLng()).setContent(member.getPopup()._content(member)).openOn(map);
    }

    /* ---- theme and service ---- */

    function chooseTheme(key) {
      state.theme = key;
      ["facilities", "places"].forEach((name) => { state[name] = !(themes[key].quiet || []).includes(name); });
      keepService();
    }

    /* The service that was looked at is the one whose gaps are laid over the priority groups. */
    function choose(key) {
      state.chosen = key;
      keepService();
      if (facts.layers.some((layer) => layer.key === key && layer.rules.length)) state.gap = key;
    }

    function keepService() {
      const services = view.services();
      if (services.length && !services.some((layer) => layer.key === state.chosen)) state.chosen = services[0].key;
    }

    /* ---- drawing ---- */

    function has(name) { return view.theme().shows.includes(name) && state[name]; }

    function fill(name, keep) {
      shown[name].clearLayers();
      if (has(name)) members[name].filter(keep).forEach((member) => shown[name].addLayer(member));
    }

    function ofLayer(member) { return member.feature.properties.layer === view.layer().key; }

    function drawFacilities() {
      shown.facilities.clearLayers();
      if (has("facilities")) gather(members.facilities.filter(ofLayer), view).forEach((drawn) => shown.facilities.addLayer(drawn));
    }

    /* Seen from afar, marks are small and lines thin. */
    function scaleMarks() {
      const far = Math.max(0, Math.min(NEAR_ZOOM - map.getZoom(), 3));
      map.getContainer().style.setProperty("--lc-site", (1 - 0.19 * far).toFixed(2));
      map.getContainer().style.setProperty("--lc-disc", (1 - 0.16 * far).toFixed(2));
      map.getContainer().style.setProperty("--lc-heap", far < 3 ? "1" : "0.8");
      shown.circles.eachLayer((member) => member.setStyle({weight: 1.8 - 0.4 * far}));
    }

    function draw() {
      const theme = view.theme();
      const colour = (unit) => (theme.fill ? theme.fill(unit, view) : theme.value ? scaleColour(theme.value(unit, view), theme.scale(view)) : "#fff");
      layers.townships.setStyle((feature) => ({stroke: false, fill: true, fillColor: colour(feature.properties),
        fillOpacity: has("townships") ? (facts.tiles.length ? 0.65 : 1) : facts.tiles.length ? 0 : 0.55}));
      if (has("ground")) layers.ground.addTo(map); else layers.ground.remove();
      fill("circles", ofLayer);
      shown.circles.eachLayer((member) => member.setStyle(CIRCLE));
      shown.route.clearLayers();
      shown.extra.clearLayers();
      if (theme.extra) theme.extra(view).forEach((drawn) => shown.extra.addLayer(drawn));
      fill("places", (member) => {
        const mark = theme.mark ? theme.mark(member, view) : null;
        if (mark) member.setIcon(mark);
        return mark !== null;
      });
      drawFacilities();
      fill("sites", ofLayer);
      scaleMarks();
      drawTitle(title, view);
      panel.querySelectorAll('[name="lc-theme"]').forEach((input) => { input.checked = input.value === state.theme; });
      serviceRadios(view);
      panel.querySelector(".lc-facts").innerHTML = theme.facts(view);
      panel.querySelector(".lc-legend").innerHTML = [...theme.legend(view), view.group("ground", "", []), view.group("names", "", [])].join("");
      fillList(view);
      if (phone) sizeBoxes();
      drawNames(view);
    }

    /* ---- parts of legends ---- */

    function facilityGroup() {
      const sites = members.facilities.map((member) => member.feature.properties).filter((item) => item.layer === view.layer().key);
      const inside = sites.filter((item) => item.inside);
      const row = (mark, text, some) => legendRow(mark, text, `${some.length} ${words.counts.facility}`);
      const rows = ["existing", "building", "planned"].map((status) =>
        row(site(status, true, true), words.status[status], inside.filter((item) => item.status === status && !item.unjoined)));
      const unjoined = inside.filter((item) => item.unjoined);
      const outside = sites.filter((item) => !item.inside);
      if (unjoined.length) rows.push(row(site("existing", false, true), words.unjoined, unjoined));
      if (outside.length) rows.push(row(site("existing", true, false), words.outside, outside));
      if (sites.length > 20) rows.push(legendRow(heapSymbol("n"), words.heap, ""));
      return view.group("facilities", "", rows);
    }

    function siteGroup() {
      const chosen = members.sites.map((member) => member.feature.properties).filter((item) => item.layer === view.layer().key);
      return chosen.length ? view.group("sites", "", chosenRows(chosen, facts)) : "";
    }
  }

  return start;
})();
