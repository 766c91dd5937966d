/* The theme of the plan: townships by the verdict of the chosen measure, and all measures in the panel. */
Object.assign(window.lifecircle.themes, (function () {
  "use strict";

  const {legendRow, percent, plain, swatch, townshipCard} = window.lifecircle;
  const VERDICTS = ["met", "not_met", "unsure", "undecided", "no_data"];

  function measure(view) { return view.facts.plan.measures[view.state.measure]; }

  function verdict(unit, view) { return ((unit.plan || {})[view.state.measure] || ["no_data"])[0]; }

  function button(item, at, view) {
    const mark = view.facts.colours.verdicts[item.verdict][1];
    return `<li><button type="button" data-measure="${at}" aria-pressed="${at === view.state.measure}"><span>${item.number || ""}</span>` +
      `<span>${item.title}${detail(item, view)}</span><span title="${view.words.verdicts[item.verdict]}">${mark}</span></button></li>`;
  }

  function detail(item, view) {
    if (item.verdict === "no_data") return "";
    const words = view.words;
    const told = [[words.actual, item.actual], [words.target, item.target], [words.short, item.gap]].filter(([, amount]) => typeof amount === "number")
      .map(([name, amount]) => `${name} ${value(amount, item.unit, words)}`);
    return `<small>${[...told, item.lead_unit].filter(Boolean).join(" · ")}</small>`;
  }

  function list(view) {
    const all = view.facts.plan.measures.map((item, at) => [item, at]);
    const known = all.filter(([item]) => item.verdict !== "no_data").map(([item, at]) => button(item, at, view));
    const waiting = all.filter(([item]) => item.verdict === "no_data").map(([item, at]) => button(item, at, view));
    return `<ul class="lc-measures">${known.join("")}</ul><details${view.state.waiting || measure(view).verdict === "no_data" ? " open" : ""}><summary>${view.words.no_data} ${waiting.length}</summary>` +
      `<ul class="lc-measures">${waiting.join("")}</ul></details>`;
  }

  function value(amount, unit, words) {
    if (typeof amount !== "number") return words.none;
    if (unit === "share") return percent(amount, words.none);
    const name = words.plan_units[unit] ?? unit;
    return `${plain(amount)}${name ? ` ${name}` : ""}`;
  }

  const plan = {
    available: (facts) => facts.plan !== null,
    start(facts) {
      const first = (verdicts) => facts.plan.measures.findIndex((item) => verdicts.includes(item.verdict));
      return [first(["met", "not_met"]), first(VERDICTS.slice(0, -1))].find((at) => at >= 0) ?? 0;
    },
    label: (facts) => ({key: "+plan", label: facts.words.themes.plan}),
    shows: ["townships", "ground", "names"],
    basis: (view) => view.words.basis_plan,
    fill: (unit, view) => view.facts.colours.verdicts[verdict(unit, view)][0],
    nameMark: (unit, view) => ` ${view.facts.colours.verdicts[verdict(unit, view)][1]}`,
    unitText(unit, view) {
      const own = (unit.plan || {})[view.state.measure];
      return `${view.words.verdicts[verdict(unit, view)]}${own ? ` ${value(own[1], measure(view).unit, view.words)}` : ""}`;
    },
    unitCard: townshipCard,
    value,
    facts(view) {
      const words = view.words;
      const item = measure(view);
      const show = (amount) => value(amount, item.unit, words);
      const interval = typeof item.low === "number" && item.low !== item.high ? ` <small>${show(item.low)}–${show(item.high)}</small>` : "";
      const rows = [[words.target, show(item.target)], [words.actual, `<b class="lc-small">${show(item.actual)}</b>${interval}`], [words.short, show(item.gap)],
        [words.verdict, `${view.facts.colours.verdicts[item.verdict][1]} ${words.verdicts[item.verdict]}`], [words.lead, item.lead_unit], [words.site_year, item.year]];
      const shown = rows.filter((row) => row[1]).map((row) => `<tr><th scope="row">${row[0]}</th><td>${row[1]}</td></tr>`);
      return `<div><b class="lc-small">${item.number || ""} ${item.title}</b></div><table class="lc-steps">${shown.join("")}</table>${list(view)}`;
    },
    legend(view) {
      const rows = VERDICTS.map((name) => legendRow(swatch(view.facts.colours.verdicts[name][0]), `${view.facts.colours.verdicts[name][1]} ${view.words.verdicts[name]}`,
        `${view.units.filter((unit) => verdict(unit, view) === name).length} ${view.words.counts.township}`));
      return [view.group("townships", "", rows, view.words.townships_plan)];
    },
  };

  return {plan};
})());
