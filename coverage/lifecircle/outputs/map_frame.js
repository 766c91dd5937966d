/* What every map has around it: boxes, scale, north arrow, notice, the mark of model data, and a quiet ground. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {SITE} = window.lifecircle;

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
    const quality = facts.quality ? `${words.data_quality}${words.colon}${words.quality[facts.quality] || facts.quality} · ` : "";
    const osm = facts.osm ? "© OpenStreetMap contributors, ODbL · " : "";
    const told = (facts.notes || []).map((note) => `<div class="lc-thinned">${note}</div>`);
    const base = facts.tiles_credit ? `${facts.tiles_credit} · ` : "";
    const foot = box(map, "lc-foot", `<div></div><div>${notice}</div>${told.join("")}` +
      `<div class="lc-credit">${quality}${base}${osm}${words.drawn} lifecircle ${facts.version} · Leaflet · ${words.crs} ${facts.crs}</div>`);
    foot.firstChild.append(L.control.scale({imperial: false}).addTo(map).getContainer());
    box(map, "lc-north", `<svg width="14" height="20" viewBox="0 0 14 20" aria-hidden="true"><path d="M7 1L13 19L7 15Z" fill="#333"/>` +
      `<path d="M7 1L1 19L7 15Z" fill="#fff" stroke="#333"/></svg>${words.north}`);
    const patterns = L.DomUtil.create("div", "", map.getContainer());
    patterns.innerHTML = '<svg width="0" height="0" style="position:absolute"><defs>' +
      '<pattern id="lc-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<rect width="4" height="4" fill="#e4e4e4"/><rect width="1.8" height="4" fill="#6d6d6d"/></pattern>' +
      '<pattern id="lc-hidden" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#d4d4d4"/>' +
      '<circle cx="1.5" cy="1.5" r="1" fill="#7c7c7c"/><circle cx="4.5" cy="4.5" r="1" fill="#7c7c7c"/></pattern>' +
      '<pattern id="lc-no-data" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">' +
      '<rect width="7" height="7" fill="#fff"/><rect width="1.2" height="7" fill="#b5b5b5"/></pattern>' +
      `<linearGradient id="lc-half"><stop offset=".5" stop-color="${SITE}"/><stop offset=".5" stop-color="#fff"/>` +
      "</linearGradient></defs></svg>";
    if (facts.model) drawWatermark(map, words);
  }

  function drawWatermark(map, words) {
    const text = (x, y) => `<text x="${x}" y="${y}" transform="rotate(-24 ${x} ${y})" text-anchor="middle" ` +
      `font-family="sans-serif" font-size="19" fill="#a3260f" fill-opacity=".15">${words.model.split(" (")[0]}</text>`;
    const tile = `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="170">${text(120, 42)}${text(0, 127)}${text(240, 127)}</svg>`;
    const mark = L.DomUtil.create("div", "lc-watermark", map.getContainer());
    mark.style.backgroundImage = `url("data:image/svg+xml,${encodeURIComponent(tile)}")`;
  }

  function groundStyle(feature) {
    const rank = feature.properties.rank;
    const area = /Polygon/.test(feature.geometry.type);
    if (rank < 0) return {color: "#9cc7d8", weight: area ? 0.6 : 1.4, opacity: 1, fill: area, fillColor: "#c4dfe9", fillOpacity: 1};
    return {color: ["#cfc8bc", "#bdb4a5", "#a79c8a", "#8f836f"][rank], weight: 0.6 + 0.5 * rank, opacity: 0.9, fill: false};
  }

  return {box, drawFrame, groundStyle};
})());
