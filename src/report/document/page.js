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
