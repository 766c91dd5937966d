/* The map: what stands there, what a draft puts there, and who is reached. Leaflet is `L`, loaded before. */

import {el} from "./dom.js";
import {percent, whole} from "./words.js";

const NO_RATE = "#dcdcdc";
const IN = "#2b6ca3";
const OUT = "#d9710f";
const NEAR_PX = 6;
const FAR_PX = 30;
/* From afar discs are small and names left out. */
const FAR_ZOOM = 10;
const ARROWS = {ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0]};

function groundStyle(feature) {
  const {rank} = feature.properties;
  const area = /Polygon/.test(feature.geometry.type);
  if (rank < 0) return {color: "#9cc7d8", weight: area ? 0.6 : 1.4, fill: area, fillColor: "#c4dfe9", fillOpacity: 1};
  return {color: ["#cfc8bc", "#bdb4a5", "#a79c8a", "#8f836f"][rank], weight: 0.6 + 0.5 * rank, opacity: 0.9, fill: false};
}

export class MapView {
  constructor(node, base, t, actions) {
    Object.assign(this, {base, t, actions, markers: [], layer: null});
    this.map = L.map(node, {preferCanvas: true, attributionControl: false, zoomSnap: 0.5, zoomAnimation: true});
    const renderer = L.canvas({padding: 0.4});
    const options = {renderer, interactive: false};
    this.townships = L.geoJSON(base.townships, {renderer, style: () => ({color: "#5d5d5d", weight: 1.2, fillColor: NO_RATE,
      fillOpacity: 0.8})}).addTo(this.map);
    L.geoJSON(base.ground, {...options, style: groundStyle}).addTo(this.map);
    L.geoJSON(base.townships, {...options, style: () => ({color: "#5d5d5d", weight: 1.2, fill: false})}).addTo(this.map);
    this.places = L.geoJSON(base.places, {pointToLayer: (feature, at) => L.circleMarker(at, {renderer,
      radius: 2, weight: 0.8, color: "#fff", fillColor: "#999", fillOpacity: 0.85})})
      .addTo(this.map);
    this.facilities = L.layerGroup().addTo(this.map);
    this.renderer = renderer;
    this.townships.bindTooltip((layer) => this.aboutTownship(layer.feature.properties), {sticky: true});
    this.places.bindTooltip((layer) => this.aboutPlace(layer.feature.properties));
    for (const {properties: {name, at}} of base.townships.features) {
      L.marker(at, {interactive: false, keyboard: false, icon: L.divIcon({className: "town", iconSize: null,
        html: el("span", {}, name)})}).addTo(this.map);
    }
    this.map.on("zoomend", () => this.size());
    this.map.fitBounds(this.townships.getBounds(), {padding: [12, 12]});
    L.control.scale({imperial: false, position: "bottomright"}).addTo(this.map);
    this.rates = new Map();
    this.outs = new Map();
    this.moved = new Map();
  }

  size() {
    const zoom = this.map.getZoom();
    const scale = Math.min(1, Math.max(0.4, 0.4 + 0.2 * (zoom - 9)));
    this.map.getContainer().classList.toggle("far", zoom < FAR_ZOOM);
    this.places.eachLayer((disc) => disc.setRadius(scale * (2 + Math.sqrt(disc.feature.properties.people) / 16)));
    this.facilities?.eachLayer((disc) => disc.setRadius(scale * (disc.options.dashArray ? 6 : 3.6)));
  }

  rateColor(rate) {
    return rate === null || rate === undefined ? NO_RATE : this.base.rates.findLast(([least]) => rate >= least)[1];
  }

  aboutTownship({code, name}) {
    const row = this.rates.get(code);
    const {t} = this;
    return el("span", {}, row ? `${name}　${percent(row.coverage_rate_before, t)} → ${percent(row.coverage_rate, t)}` : name);
  }

  aboutPlace({code, name, people}) {
    const {t} = this;
    const out = this.outs.get(code);
    const change = this.moved.get(code);
    const parts = [name, `${whole(people, t)} ${t.people}`];
    if (out) parts.push(`${t.out} ${whole(out.out, t)}`);
    if (change?.people_won) parts.push(`${t.won} ${whole(change.people_won, t)}`);
    if (change?.people_lost) parts.push(`${t.lost} ${whole(change.people_lost, t)}`);
    return el("span", {}, parts.join("　"));
  }

  /* Draw the existing facilities of a layer; a click tells which it is and offers to close it. */
  showLayer(layer, edits) {
    this.layer = layer;
    this.facilities.clearLayers();
    const closed = new Set(edits.close);
    for (const feature of this.base.facilities.features) {
      const own = feature.properties;
      if (own.layer !== layer || !own.serves) continue;
      const [lon, lat] = feature.geometry.coordinates;
      const shut = closed.has(own.facility_id);
      const mark = L.circleMarker([lat, lon], {renderer: this.renderer, radius: shut ? 6 : 3.6, weight: shut ? 2 : 1.2,
        color: shut ? "#a3260f" : "#fff", fillColor: shut ? "#fff" : "#33203f", fillOpacity: 1, dashArray: shut ? "2 2" : null});
      mark.bindTooltip(() => el("span", {}, `${own.name || own.facility_id}${shut ? ` · ${this.t.closed}` : ""}`));
      mark.bindPopup(() => this.popup(own, shut));
      this.facilities.addLayer(mark);
    }
    this.size();
  }

  popup(own, shut) {
    const {t, base} = this;
    return el("div", {class: "popup"}, el("strong", {}, own.name || own.facility_id),
      el("p", {}, [base.words[t.language].levels[own.level] ?? own.level, own.facility_id].filter(Boolean).join(" · ")),
      el("button", {type: "button", on: {click: () => {
        this.map.closePopup();
        this.actions.toggle(own.facility_id);
      }}}, shut ? t.reopen : t.close));
  }

  /* Bring the markers of new facilities to where the draft has them; a marker that stays keeps its focus. */
  showSites(sites) {
    while (this.markers.length > sites.length) this.markers.pop().remove();
    sites.forEach((site, at) => {
      const marker = this.markers[at] ?? this.marker(at);
      if (!marker.dragging?._draggable?._moving) marker.setLatLng([site.lat, site.lon]);
      const label = `${this.t.newSite} ${at + 1} ${site.name}${this.t.lists}${this.t.moveHint}`;
      marker.getElement()?.setAttribute("aria-label", label);
      marker.getElement()?.setAttribute("title", `${at + 1} ${site.name}`);
    });
  }

  marker(at) {
    const pin = el("span", {class: "pin"}, el("b", {}, String(at + 1)));
    const marker = L.marker(this.map.getCenter(), {draggable: true, autoPan: true, keyboard: true, alt: "",
      icon: L.divIcon({className: "site", html: pin, iconSize: [28, 36], iconAnchor: [14, 35]})}).addTo(this.map);
    const number = this.markers.push(marker) - 1;
    marker.on("drag", () => this.actions.move(number, marker.getLatLng(), false));
    marker.on("dragend", () => this.actions.move(number, marker.getLatLng(), true));
    const node = marker.getElement();
    node.setAttribute("role", "button");
    node.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        this.actions.drop(number);
      }
      const step = ARROWS[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const size = event.shiftKey ? FAR_PX : NEAR_PX;
      const from = this.map.latLngToContainerPoint(marker.getLatLng());
      marker.setLatLng(this.map.containerPointToLatLng(from.add([step[0] * size, step[1] * size])));
      this.actions.move(number, marker.getLatLng(), true);
    });
    return marker;
  }

  focusSite(at, {nearer = true} = {}) {
    const marker = this.markers[at];
    if (nearer) this.map.setView(marker.getLatLng(), Math.max(this.map.getZoom(), 12.5));
    marker.getElement().focus({preventScroll: !nearer});
  }

  /* Take the size that the stage has now, and show the whole district. */
  whole() {
    this.map.invalidateSize({animate: false});
    this.map.fitBounds(this.townships.getBounds(), {padding: [12, 12], animate: false});
  }

  goTo(lat, lon) {
    this.map.setView([lat, lon], Math.max(this.map.getZoom(), 13));
  }

  /* Give the position under the pointer, or null where that is not the map. */
  under(event) {
    const box = this.map.getContainer().getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return x < 0 || y < 0 || x > box.width || y > box.height ? null : this.map.containerPointToLatLng([x, y]);
  }

  /* Colour townships by the rate and places by their state as an answer has them. */
  showAnswer(answer) {
    this.rates = new Map(answer.coverage.filter((row) => row.class === "all").map((row) => [row.township_code, row]));
    this.moved = new Map(answer.places.map((row) => [row.place_code, row]));
    this.outs = new Map();
    for (const gap of answer.gaps) {
      if (gap.kind !== "reach") continue;
      const known = this.outs.get(gap.place_code) ?? {out: 0, people: 0};
      this.outs.set(gap.place_code, {out: known.out + (gap.people_out ?? 0) + (gap.people_undetermined ?? 0),
        people: known.people + (gap.people ?? 0)});
    }
    this.restyle(this.townships, ({code}) => ({fillColor: this.rateColor(this.rates.get(code)?.coverage_rate)}));
    this.restyle(this.places, ({code}) => {
      const out = this.outs.get(code);
      const change = this.moved.get(code);
      const ring = change?.people_won ? "#0b2f4f" : change?.people_lost ? "#7a1500" : "#fff";
      return {fillColor: out && out.out * 2 > out.people ? OUT : IN, color: ring, weight: ring === "#fff" ? 0.8 : 2.6};
    });
  }

  /* Draw again only what looks otherwise than before: the canvas around the rest stays. */
  restyle(group, style) {
    group.eachLayer((shape) => {
      const wanted = style(shape.feature.properties);
      if (Object.entries(wanted).some(([name, value]) => shape.options[name] !== value)) shape.setStyle(wanted);
    });
  }
}

export function legend(t, rates) {
  const swatch = (name, text, color) => {
    const mark = el("span", {class: `swatch ${name}`, "aria-hidden": "true"});
    if (color) mark.style.background = color;
    return el("li", {}, mark, text);
  };
  const classes = rates.map(([least, color], at) => [at + 1 === rates.length ? `≥ ${100 * least}%`
    : at ? `${100 * least}–${100 * rates[at + 1][0]}%` : `< ${100 * rates[1][0]}%`, color]).reverse();
  return el("details", {class: "legend", open: matchMedia("(min-width: 700px)").matches}, el("summary", {}, t.legend),
    el("p", {}, t.covered), el("ul", {}, classes.map(([text, color]) => swatch("rate", text, color))),
    el("ul", {}, swatch("here", t.legendHere), swatch("new", t.legendNew), swatch("shut", t.legendClosed),
      swatch("in", t.legendIn), swatch("out", t.legendOut), swatch("won", t.legendWon), swatch("lost", t.legendLost)));
}
