"use strict";
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const body = head.closest("table").tBodies[0];
    const at = head.cellIndex;
    const up = head.getAttribute("aria-sort") !== "ascending";
    const numeric = head.classList.contains("number");
    const value = (row) => {
      const text = row.cells[at].textContent;
      return numeric ? Number(text.replaceAll(",", "") || "NaN") : text;
    };
    const compare = (one, other) => {
      if (!numeric) return value(one).localeCompare(value(other));
      const [a, b] = [value(one), value(other)].map((n) => (Number.isNaN(n) ? -Infinity : n));
      return a === b ? 0 : a < b ? -1 : 1;
    };
    const rows = [...body.rows].sort((one, other) => (up ? compare(one, other) : compare(other, one)));
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...rows);
  });
}
for (const input of document.querySelectorAll("input[data-table]")) {
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of document.getElementById(input.dataset.table).tBodies[0].rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  });
}
for (const table of document.querySelectorAll("main table")) {
  const text = (cell) => (cell.querySelector("a")?.href ?? cell.textContent).replace(/\s+/g, " ");
  const whole = () => [...table.rows].filter((row) => !row.hidden)
    .map((row) => [...row.cells].map(text).join("\t")).join("\n");
  const button = document.createElement("button");
  const name = "Copy as tab-separated text";
  const say = (words) => { button.textContent = words; setTimeout(() => { button.textContent = name; }, 2000); };
  button.type = "button";
  button.className = "copy";
  button.textContent = name;
  button.setAttribute("aria-label", `${name}: ${table.caption.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(whole());
      return say("Copied");
    } catch {
      // Without leave to write there: the old way, by a selection.
    }
    const area = document.createElement("textarea");
    area.value = whole();
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.focus();
    say(done ? "Copied" : "Not allowed here");
  });
  table.before(button);
}
