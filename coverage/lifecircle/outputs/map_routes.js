/* The way behind the minutes: drawn from where a place's minutes are counted to the door of the facility. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {decode, icon, plain} = window.lifecircle;
  const WAY = "#c4007a";

  function routeOf(facts, place, layer) { return ((facts.routes || {})[place] || {})[layer]; }

  function end(at, text, className) {
    return L.marker(at, {interactive: false, keyboard: false, pane: "lc-names", icon: icon(`lc-end ${className}`, `<span>${text}</span>`, 0)});
  }

  /* Arrow heads along the way, so that its direction is seen. */
  function arrows(line, map) {
    const points = line.map((at) => map.latLngToLayerPoint(at));
    const total = points.slice(1).reduce((sum, at, index) => sum + at.distanceTo(points[index]), 0);
    const wanted = [0.25, 0.5, 0.75].map((share) => share * total);
    const found = [];
    let gone = 0;
    points.slice(1).forEach((at, index) => {
      const from = points[index];
      const length = at.distanceTo(from);
      while (wanted.length && length > 0 && gone + length >= wanted[0]) {
        const share = (wanted.shift() - gone) / length;
        const angle = (Math.atan2(at.y - from.y, at.x - from.x) * 180) / Math.PI;
        found.push(L.marker(map.layerPointToLatLng(from.add(at.subtract(from).multiplyBy(share))), {interactive: false, keyboard: false, pane: "lc-names",
          icon: icon("lc-arrow", `<svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true"><path transform="rotate(${angle.toFixed(0)})" d="M-3.5 -4.5L4.5 0L-3.5 4.5Z" fill="${WAY}" stroke="#fff"/></svg>`, 12)}));
      }
      gone += length;
    });
    return total > 60 ? found : [];
  }

  /* The card stands above the whole way, and the map moves, and where it must zooms out, until both are seen. */
  function makeRoom(view, line, card) {
    const {map, room} = view;
    const top = line.reduce((best, at) => (at[0] > best[0] ? at : best));
    const bounds = L.latLngBounds(line);
    const above = card.getElement().offsetHeight + 26;
    const padding = {paddingTopLeft: [room.autoPanPaddingTopLeft[0], room.autoPanPaddingTopLeft[1] + above],
      paddingBottomRight: [room.autoPanPaddingBottomRight[0], room.autoPanPaddingBottomRight[1] + 40]};
    const free = L.bounds(L.point(padding.paddingTopLeft), map.getSize().subtract(padding.paddingBottomRight));
    const [from, to] = [map.latLngToContainerPoint(bounds.getNorthWest()), map.latLngToContainerPoint(bounds.getSouthEast())];
    if (!free.contains(L.bounds(from, to))) map.fitBounds(bounds, {...padding, maxZoom: map.getZoom(), animate: false});
    card.setLatLng(top);
  }

  /* Draw one way and say what it is; the map moves only where the way would not be seen. */
  function drawRoute(view, place, key, card) {
    const {map, shown, words} = view;
    const route = routeOf(view.facts, place.code, key);
    shown.route.clearLayers();
    if (!route) return "";
    const line = decode(route.line);
    const style = {pane: "lc-names", interactive: false, lineCap: "round"};
    [L.polyline(line, {...style, color: "#fff", weight: 8, opacity: 0.9}), L.polyline(line, {...style, color: WAY, weight: 4, className: "lc-route"}),
      ...arrows(line, map), end(line[route.back ? line.length - 1 : 0], words.route_from, "lc-end-from"),
      end(line[route.back ? 0 : line.length - 1], route.facility, "lc-end-to")]
      .forEach((drawn) => shown.route.addLayer(drawn));
    const parts = [`${words.route_whole} ${plain(Math.round(route.metres))} m`, ...(route.walk > 1 && route.walk < route.metres - 1 ? [`${words.route_walk} ${plain(Math.round(route.walk))} m`] : [])];
    makeRoom(view, line, card);
    return `${view.facts.layers.find((layer) => layer.key === key).label}${words.colon}${view.facts.modes[route.mode] || route.mode}${words.separator}${route.minutes.toFixed(1)} ${words.minutes}` +
      `${words.separator}${parts.join(words.separator)}${route.back ? `${words.separator}${words.route_back}` : ""} → ${route.facility}`;
  }

  return {drawRoute, routeOf};
})());
