/* Names and marks that make room for each other: labels with a line to what they name, facilities that stand as one. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {SITE, icon} = window.lifecircle;
  const NEAR_ZOOM = 13; // From here on marks have their full size and stand alone, and places have their names.
  const ROOM_PX = 16; // Facilities nearer than this to each other stand as one mark.
  const FEWEST = 3;
  const CROWDED = 4; // A name that would hide so many marks stands aside, but where it is crowded everywhere.
  const FAR_ZOOM = 10;
  const AWAY_PX = [44, 66, 92, 120, 150];
  const DIRECTIONS = 16;

  /* Length of a text in ems: Latin letters are about half as wide as Chinese ones. */
  function textLength(text) {
    return [...text.replace(/&#?\w+;/g, "x")].reduce((sum, letter) => sum + (letter < "\u2e80" ? 0.58 : 1), 0);
  }

  /* Names of townships, then from a closer view of places, each where it hides no other; far from its place with a line. */
  function drawNames(view) {
    const {map, members, shown} = view;
    shown.names.clearLayers();
    if (!view.state.names) return;
    const taken = [...map.getContainer().querySelectorAll(".lc, .leaflet-control-zoom")].map((box) => inMap(box, map)); // no name under a box
    const seen = L.bounds([0, 0], map.getSize());
    const square = (at, radius) => L.bounds(at.subtract([radius, radius]), at.add([radius, radius]));
    const discs = [...members.places, ...members.sites].filter((member) => map.hasLayer(member))
      .map((member) => square(map.latLngToContainerPoint(member.getLatLng()), 0.8 * member.radius));
    const free = (area, marks) => !taken.some((other) => other.intersects(area)) && !(marks && marks.some((other) => other.intersects(area)));
    const around = (at, half) => L.bounds(at.subtract(half), at.add(half));
    const put = (from, spots, far, text, size, className) => {
      const half = L.point((textLength(text) * size) / 2 + 2, size / 2 + 2);
      const crowded = map.getZoom() < FAR_ZOOM ? Infinity : CROWDED;
      const near = spots.map((spot) => around(spot, half)).filter((area) => free(area))
        .sort((one, other) => overlaps(one, discs) - overlaps(other, discs)); // of equals the first stays first
      let area = near.length && (!far || overlaps(near[0], discs) < crowded) ? near[0] : null;
      let line = "";
      if (!area && far) {
        const room = AWAY_PX.flatMap((away) => [...Array(DIRECTIONS).keys()].map((turn) => {
          const angle = (2 * Math.PI * turn) / DIRECTIONS;
          return around(from.add([Math.sin(angle) * (away + half.x * 0.7), -Math.cos(angle) * away]), half);
        })).filter((item) => free(item) && seen.contains(item));
        area = room.find((item) => free(item, discs)) || near[0] || room[0];
      }
      if (!area || !seen.contains(area.getCenter())) return;
      const centre = area.getCenter();
      const way = from.subtract(centre);
      if (Math.abs(way.x) > half.x + 8 || Math.abs(way.y) > half.y + 18) {
        const edge = way.multiplyBy(1 / Math.max(Math.abs(way.x) / half.x, Math.abs(way.y) / half.y, 1));
        line = `<svg class="lc-leader" width="1" height="1" aria-hidden="true"><path d="M${edge.x.toFixed(1)} ${edge.y.toFixed(1)}L${way.x.toFixed(1)} ${way.y.toFixed(1)}"/>` +
          `<circle cx="${way.x.toFixed(1)}" cy="${way.y.toFixed(1)}" r="2"/></svg>`;
      }
      taken.push(area);
      shown.names.addLayer(L.marker(map.containerPointToLatLng(centre), {interactive: false, keyboard: false,
        pane: "lc-names", icon: icon(`lc-name ${className}`, `${line}<span>${text}</span>`, 0)}));
    };
    const theme = view.theme();
    [...view.units].sort((a, b) => (b.people || 0) - (a.people || 0)).forEach((unit) => {
      const at = map.latLngToContainerPoint(unit.at);
      if (!seen.contains(at)) return;
      const mark = theme.nameMark ? theme.nameMark(unit, view) : unit.doubts[view.layer().key] ? " \u26a0\ufe0e" : "";
      put(at, [[0, 0], [0, -16], [0, 16], [-24, 0], [24, 0], [0, -32], [0, 32]].map((by) => at.add(by)), true, unit.name + mark, 13, "");
    });
    if (map.getZoom() < NEAR_ZOOM) return;
    members.places.forEach((member) => {
      const at = map.latLngToContainerPoint(member.getLatLng());
      put(at, [at.add([0, member.radius + 9]), at.subtract([0, member.radius + 9])], false, member.feature.properties.name, 12, "lc-name-place");
    });
  }

  function inMap(box, map) {
    const [own, whole] = [box.getBoundingClientRect(), map.getContainer().getBoundingClientRect()];
    return L.bounds([own.left - whole.left, own.top - whole.top], [own.right - whole.left, own.bottom - whole.top]);
  }

  function overlaps(area, marks) { return marks.filter((other) => other.intersects(area)).length; }

  /* Facilities as they are shown: alone where there is room, else many as one mark with their number. */
  function gather(members, view) {
    const {map} = view;
    if (map.getZoom() >= NEAR_ZOOM) return members;
    const heaps = [];
    const alone = members.filter((member) => !member.feature.properties.inside);
    members.filter((member) => member.feature.properties.inside).forEach((member) => {
      const at = map.latLngToContainerPoint(member.getLatLng());
      const heap = heaps.find((item) => item.at.distanceTo(at) < ROOM_PX);
      if (!heap) { heaps.push({at, members: [member]}); return; }
      heap.at = heap.at.multiplyBy(heap.members.length).add(at).divideBy(heap.members.length + 1);
      heap.members.push(member);
    });
    return alone.concat(heaps.flatMap((heap) => (heap.members.length < FEWEST ? heap.members : [heapMark(heap, view)])));
  }

  function heapSymbol(amount) {
    return '<svg width="22" height="22" viewBox="-11 -11 22 22" aria-hidden="true"><path d="M0 -10.5L10.5 0L0 10.5L-10.5 0Z" fill="#fff"/>' +
      `<path d="M0 -9.2L9.2 0L0 9.2L-9.2 0Z" fill="${SITE}"/><text y="3.4" text-anchor="middle" font-family="sans-serif" font-size="9.5" ` +
      `font-weight="700" fill="#fff">${amount}</text></svg>`;
  }

  function heapMark(heap, view) {
    const drawn = L.marker(view.map.containerPointToLatLng(heap.at), {keyboard: false, zIndexOffset: 200, icon: icon("lc-heap", heapSymbol(heap.members.length), 22)});
    drawn.bindTooltip(`${heap.members.length} ${view.words.counts.facility}${view.words.facilities}${view.words.separator}${view.words.zoom_in}`);
    drawn.on("click", () => view.map.setView(drawn.getLatLng(), Math.min(view.map.getZoom() + 2, NEAR_ZOOM)));
    return drawn;
  }

  return {NEAR_ZOOM, drawNames, gather, heapSymbol};
})());
