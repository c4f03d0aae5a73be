// The review page. Whatever comes from the map is put in as text, never as markup.
"use strict";

let state = null;
let busy = false;
const byId = (id) => document.getElementById(id);

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(text) {
  byId("message").textContent = text;
}

async function ask(path, body) {
  const options = body
    ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
    : {};
  const answer = await fetch(path, options);
  const document = await answer.json().catch(() => ({ error: "the answer is no JSON" }));
  if (!answer.ok) {
    const error = new Error(document.error || `status ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return document;
}

async function load() {
  try {
    state = await ask("map");
    if (!byId("by").value) byId("by").value = state.by;
    draw();
  } catch (error) {
    say(`The map cannot be read: ${error.message}`);
  }
}

async function decide(fields, values, decisions = {}) {
  if (busy || fields.length + values.length + Object.keys(decisions).length === 0) return;
  const by = byId("by").value.trim();
  if (!by) {
    say("Say who confirms first.");
    byId("by").focus();
    return;
  }
  busy = true;
  say("");
  try {
    state = await ask("decide", { by, version: state.version, fields, values, decisions });
    draw();
    if (state.refused.length) say(`Not confirmed: ${state.refused.join("; ")}`);
  } catch (error) {
    if (error.status === 409) {
      await load();
      say(`${error.message}. The page shows the file as it is now: repeat what you did.`);
    } else {
      say(`Nothing was saved: ${error.message}`);
    }
  } finally {
    busy = false;
  }
}

function button(text, label, act) {
  const made = element("button", text, { type: "button", "aria-label": label });
  made.addEventListener("click", act);
  return made;
}

function cell(name, ...children) {
  const made = element("td", "", name ? { "data-name": name } : {});
  if (["Filled", "Class", "State"].includes(name)) made.className = "short";
  made.append(...children);
  return made;
}

function inputs(kind, row, name) {
  const target = element("input", "", { "aria-label": `Field for ${name}`, spellcheck: "false" });
  if (kind !== "fields") {
    target.value = row.target_value;
    target.setAttribute("aria-label", `What ${name} becomes`);
    if (state.picklists[row.of]) target.setAttribute("list", `values-${row.of}`);
    return [target, null];
  }
  target.value = row.target_field;
  target.setAttribute("list", `fields-${row.target_object}`);
  const type = element("input", "", { "aria-label": `Type for ${name}`, spellcheck: "false" });
  type.value = row.type;
  return [target, type];
}

function line(kind, row) {
  const name = kind === "fields" ? `${row.source}.${row.source_field}` : row.source_value;
  const made = element("tr", "", { tabindex: "0", "data-row": [kind, row.file, row.row].filter((part) => part !== undefined).join("-") });
  const head = element("th", name, { scope: "row" });
  const [target, type] = inputs(kind, row, name);
  const act = (action) => {
    const one = { row: row.row, action };
    const before = kind === "fields" ? row.target_field : row.target_value;
    const changed = target.value.trim() !== before || (type && type.value.trim() !== row.type);
    if (action === "confirm" && changed) {
      Object.assign(one, { action: "change", target: target.value, type: type ? type.value : "" });
    }
    if (kind === "decisions") return decide([], [], { [row.file]: [one] });
    return kind === "fields" ? decide([one], []) : decide([], [one]);
  };
  const help = element("div", "", { class: "soft" });
  const describe = () => {
    const fields = kind === "fields" ? state.targets[row.target_object] || [] : [];
    const known = fields.find((field) => field.field.toLowerCase() === target.value.trim().toLowerCase());
    if (kind === "fields") {
      const told = known ? `${known.label || known.field}: ${known.type || known.kind}` : `${row.label}: a new field`;
      help.textContent = known?.help ? `${told}. ${known.help}` : told;
    }
    return known;
  };
  describe();
  target.addEventListener("change", () => {
    const known = describe();
    if (known && type && known.type) type.value = known.type;
  });
  made.act = act;
  made.edit = () => target.focus();
  made.append(head);
  if (kind === "fields") {
    made.append(cell("Samples", element("span", row.samples || "–")), cell("Filled", element("span", row.fill || "–")));
    made.append(cell("Field", target, help), cell("Type", type));
  } else {
    made.append(cell("Becomes", target));
  }
  const why = cell("Why", element("div", row.reasons));
  why.className = "why";
  if (row.alternatives) why.append(element("div", `Or: ${row.alternatives}`, { class: "soft" }));
  made.append(cell("Class", element("span", row.class || "–")), why);
  const status = row.state.startsWith("stale") ? "stale" : row.state;
  made.append(cell("State", element("span", row.state, { class: `state-${status}` })));
  const actions = cell("", button("Accept", `Accept ${name}`, () => act("confirm")));
  // Every value of a decision file needs its answer.
  if (kind !== "decisions") actions.append(button("Ignore", `Ignore ${name}`, () => act("ignore")));
  if (row.state !== "open") actions.append(button("Reopen", `Reopen ${name}`, () => act("reopen")));
  made.append(actions);
  return made;
}

function table(title, heads, kind, rows) {
  const box = element("section", "", { "aria-label": title });
  const open = rows.filter((row) => row.state !== "confirmed" && row.state !== "ignored").length;
  box.append(element("h2", `${title}: ${open} open of ${rows.length}`));
  const made = element("table");
  const head = element("tr");
  for (const name of heads) head.append(element("th", name, { scope: "col" }));
  const top = element("thead");
  top.append(head);
  const body = element("tbody");
  body.append(...rows.map((row) => line(kind, row)));
  made.append(top, body);
  const scroll = element("div", "", { class: "scroll" });
  scroll.append(made);
  box.append(scroll);
  return box;
}

function datalist(id, options) {
  const made = element("datalist", "", { id });
  for (const [value, label] of options) made.append(element("option", "", { value, label }));
  return made;
}

function groups(rows, key) {
  const found = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(row);
  }
  return found;
}

function byFile(decisions) {
  const found = {};
  for (const [file, one] of decisions) (found[file] ??= []).push(one);
  return found;
}

function draw() {
  const focused = document.activeElement?.closest("tr")?.dataset.row;
  const all = [...document.querySelectorAll("tr[data-row]")].map((row) => row.dataset.row);
  const main = byId("map");
  main.replaceChildren();
  const onlyOpen = byId("only-open").checked;
  const isOpen = (row) => row.state !== "confirmed" && row.state !== "ignored";
  const shown = (rows) => rows.filter((row) => !onlyOpen || isOpen(row));
  for (const [object, fields] of Object.entries(state.targets)) {
    const options = fields.map((field) => [field.field, `${field.label} ${field.type}`.trim()]);
    main.append(datalist(`fields-${object}`, options));
  }
  for (const [field, values] of Object.entries(state.picklists)) {
    main.append(datalist(`values-${field}`, values.map((value) => [value, ""])));
  }
  const heads = ["Column", "Samples", "Filled", "Field", "Type", "Class", "Why", "State", "Decide"];
  for (const [object, rows] of groups(shown(state.fields), (row) => row.target_object || "no object")) {
    main.append(table(object, heads, "fields", rows));
  }
  const valueHeads = ["Value", "Becomes", "Class", "Why", "State", "Decide"];
  for (const [field, rows] of groups(shown(state.values), (row) => row.of)) {
    main.append(table(`Values of ${field}`, valueHeads, "values", rows));
  }
  for (const [file, rows] of groups(shown(state.decisions), (row) => row.of)) {
    main.append(table(`config/${file}.csv`, valueHeads, "decisions", rows));
  }
  const open = [...state.fields, ...state.values, ...state.decisions].filter(isOpen);
  byId("count").textContent = open.length ? `${open.length} row(s) wait for a decision` : "Everything is decided";
  const buttons = ["certain", "likely", "guess"].map((name) => {
    const of = (rows) => rows.filter((row) => row.state === "open" && row.class === name);
    const one = (row) => ({ row: row.row, action: "confirm" });
    const [fields, values, others] = [of(state.fields), of(state.values), of(state.decisions)];
    const count = fields.length + values.length + others.length;
    const made = button(`Accept ${count} ${name}`, `Accept all ${count} ${name} rows`, () =>
      decide(fields.map(one), values.map(one), byFile(others.map((row) => [row.file, one(row)]))));
    made.disabled = count === 0;
    return made;
  });
  byId("classes").replaceChildren(...buttons);
  if (!state.fields.length && !state.values.length && !state.decisions.length) {
    main.append(element("p", "The map has no rows. Propose some: transload map propose"));
  }
  refocus(focused, all);
}

// The row that was decided, or what came after it if it is not shown any more.
function refocus(focused, before) {
  if (!focused) return;
  for (const name of before.slice(before.indexOf(focused))) {
    const row = document.querySelector(`tr[data-row="${name}"]`);
    if (row) return row.focus();
  }
  byId("map").focus();
}

document.addEventListener("keydown", (event) => {
  const row = document.activeElement?.closest("tr[data-row]");
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.activeElement.tagName === "INPUT") {
    if (event.key === "Escape") row.focus();
    if (event.key === "Enter") row.act("confirm");
    return;
  }
  const rows = [...document.querySelectorAll("tr[data-row]")];
  const keys = {
    ArrowDown: () => rows[rows.indexOf(row) + 1]?.focus(),
    ArrowUp: () => rows[rows.indexOf(row) - 1]?.focus(),
    a: () => row.act("confirm"),
    i: () => row.act("ignore"),
    r: () => row.act("reopen"),
    e: () => row.edit(),
  };
  if (!(event.key in keys)) return;
  // The focus may move to an input, which is not to get the key.
  event.preventDefault();
  keys[event.key]();
});

byId("only-open").addEventListener("change", () => state && draw());
load();
