/* Find a township, a place or a site: by its name, or in a list by township; whatever is found opens its card. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  function fillSearch(view) {
    const {members, units, words} = view;
    const names = [...units.map((unit, index) => `<option value="${unit.name}" data-at="townships ${index}"></option>`),
      ...members.places.map((member, index) => `<option value="${member.feature.properties.name} · ` +
        `${member.feature.properties.township}" data-at="places ${index}"></option>`),
      ...members.sites.map((member, index) => `<option value="${member.feature.properties.name || member.feature.properties.id} · ` +
        `${words.sites} ${member.feature.properties.rank}" data-at="sites ${index}"></option>`)];
    view.panel.querySelector("datalist").innerHTML = names.join("");
  }

  /* What was typed, short enough for a hint; it is shown as text and never as markup. */
  function plainText(text) { return text.length > 40 ? `${text.slice(0, 40)}…` : text; }

  function find(text, view) {
    const {panel, words} = view;
    const wanted = text.trim();
    const options = [...panel.querySelectorAll("datalist option")];
    const option = wanted && (options.find((item) => item.value === wanted) || options.find((item) => item.value.includes(wanted)));
    const field = panel.querySelector(".lc-head input");
    field.setCustomValidity(option || !wanted ? "" : `${words.not_found}${words.colon}${plainText(wanted)}`);
    if (!option) { field.reportValidity(); return; }
    const [name, index] = option.dataset.at.split(" ");
    view.open(name, Number(index));
  }

  /* The list by township: the township itself, its places, and the facilities of the service that is shown. */
  function fillList(view) {
    const {members, panel, units, words} = view;
    const box = panel.querySelector(".lc-list");
    if (!box.open) return;
    const select = box.querySelector("select");
    if (!select.options.length) select.innerHTML = units.map((unit, index) => `<option value="${index}">${unit.name}</option>`).join("");
    const unit = units[Number(select.value)];
    const row = (name, index, text) => `<li><button type="button" class="lc-link" data-open="${name} ${index}">${text}</button></li>`;
    const own = (list) => list.map((member, index) => ({own: member.feature.properties, index})).filter((item) => item.own.township === unit.name);
    const places = own(members.places).map((item) => row("places", item.index, item.own.name));
    const facilities = own(members.facilities).filter((item) => item.own.layer === view.layer().key)
      .map((item) => row("facilities", item.index, item.own.name || item.own.id));
    box.querySelector("div").innerHTML = `<ul>${row("townships", select.value, unit.name)}${places.join("")}</ul>` +
      (facilities.length ? `<h3>${words.facilities}</h3><ul>${facilities.join("")}</ul>` : "");
  }

  return {fillList, fillSearch, find};
})());
