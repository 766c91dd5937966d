/* Make elements. Texts become text nodes and nothing else, so that a name from a register cannot become markup. */

export function el(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name in {value: 1, checked: 1, disabled: 1, selected: 1, hidden: 1}) node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function button(text, click, more = {}) {
  return el("button", {type: "button", on: {click}, ...more}, text);
}

/* Label and field; the field keeps its focus while the panel is filled again, as it is found by its id. */
export function field(id, text, input, more = {}) {
  input.id = id;
  return el("div", {class: "field", ...more}, el("label", {for: id}, text), input);
}

export function select(options, chosen, change, more = {}) {
  return el("select", {on: {change: (event) => change(event.target.value)}, ...more}, options.map(
    ([value, text]) => el("option", {value, selected: value === chosen}, text)));
}

export function table(head, rows, caption) {
  return el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head.map(([text, kind]) => el("th", {scope: "col", class: kind}, text)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, at) => (at === 0
      ? el("th", {scope: "row", class: head[at][1]}, cell)
      : el("td", {class: head[at][1]}, cell)))))));
}

/* Fill an element again without losing the focus of a field in it. */
export function fill(node, ...children) {
  const active = document.activeElement;
  const kept = active && node.contains(active) ? active.id : "";
  const span = kept && active.setSelectionRange && /text|search/.test(active.type)
    ? [active.selectionStart, active.selectionEnd] : null;
  node.replaceChildren(...children.flat().filter(Boolean));
  const again = kept && document.getElementById(kept);
  if (again) {
    again.focus({preventScroll: true});
    if (span) again.setSelectionRange(...span);
  }
}

export function download(content, kind, name) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type: kind}));
  const link = el("a", {href: url, download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
