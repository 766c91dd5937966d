/* The panel: search, themes, services of the theme, and places for figures, legend and list; and the title. */
Object.assign(window.lifecircle, (function () {
  "use strict";

  const {doubtMark, doubtNote} = window.lifecircle;

  function panelMarkup(view) {
    const {facts, state, words} = view;
    const radios = view.themes.map((theme) => `<label><input type="radio" name="lc-theme" value="${theme.key}"${theme.key === state.theme ? " checked" : ""}>` +
      `${words.themes[theme.key]}</label>`);
    return `<div class="lc-head"><input type="search" list="lc-found" placeholder="${words.search}" ` +
      `aria-label="${words.search}"><datalist id="lc-found"></datalist>` +
      `<button type="button" title="${words.collapse}" aria-label="${words.collapse}" aria-expanded="true">–</button></div>` +
      `<fieldset><legend>${words.theme}</legend><div class="lc-themes">${radios.join("")}</div></fieldset>` +
      `<fieldset class="lc-service-box"><legend>${words.service}</legend><div class="lc-services"></div>${doubtNote(facts)}</fieldset>` +
      `<div class="lc-facts" role="region" aria-label="${words.figures}"></div>` +
      `<h2>${words.shown}</h2><div class="lc-legend"></div>` +
      `<details class="lc-list"><summary>${words.list_title}</summary><select name="unit" aria-label="${words.list_unit}"></select><div></div></details>`;
  }

  /* The services of the theme; they are made anew only where they are others than before. */
  function serviceRadios(view) {
    const {facts, panel, state, words} = view;
    const services = view.services();
    const place = panel.querySelector(".lc-services");
    panel.querySelector(".lc-service-box").hidden = services.length === 0;
    const keys = services.map((layer) => layer.key).join(" ");
    if (place.dataset.keys !== keys) {
      place.dataset.keys = keys;
      place.innerHTML = services.map((layer) => `<label><input type="radio" name="lc-service" value="${layer.key}">` +
        `${layer.label}${doubtMark(facts.doubts[layer.key], words)}</label>`).join("");
    }
    place.querySelectorAll("input").forEach((input) => { input.checked = input.value === state.chosen; });
  }

  function drawTitle(element, view) {
    const {facts, words} = view;
    const theme = view.theme();
    const model = facts.model ? ` <span class="lc-mark">${words.model}</span>` : "";
    const told = [theme.basis(view), facts.date && `${words.date} ${facts.date}`, `${words.run} ${facts.run_id}`];
    const scenario = facts.scenario ? ` <span class="lc-mark">${words.scenario}${words.colon}${facts.scenario}</span>` : "";
    const subject = theme.services && theme.key !== "reach" ? ` · ${words.themes[theme.key]}` : "";
    element.innerHTML = `<h1>${facts.district} · ${view.layer().label}${subject}${scenario}${model}</h1>` +
      `<p>${told.filter(Boolean).join(" · ")}</p>`;
  }

  return {drawTitle, panelMarkup, serviceRadios};
})());
