"use strict";
// Tables whose columns sort at a button, and whose rows an input filters. Without scripts both are
// as the server wrote them.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const value = (row, column) => {
    const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };
  for (const button of table.tHead.querySelectorAll("button"))
    button.addEventListener("click", () => {
      const head = button.closest("th"), column = head.cellIndex;
      const numbers = head.classList.contains("number");
      // Numbers begin with the greatest, words with A.
      const first = numbers ? "descending" : "ascending";
      const other = numbers ? "ascending" : "descending";
      const order = head.ariaSort === first ? other : first;
      for (const each of table.tHead.querySelectorAll("[aria-sort]")) each.removeAttribute("aria-sort");
      head.ariaSort = order;
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([a], [b]) => sign * (numbers ? a - b : String(a).localeCompare(String(b))));
      body.append(...rows.map(([, row]) => row));
    });
}
for (const input of document.querySelectorAll("input[data-filters]")) {
  const rows = [...document.getElementById(input.dataset.filters).tBodies[0].rows];
  const texts = rows.map((row) => `${row.cells[0].textContent} ${row.lastElementChild.textContent}`.toLowerCase());
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => texts[index].includes(word));
      shown += !row.hidden;
    });
    input.labels[0].parentElement.querySelector("output").textContent =
      input.value ? `${shown} of ${rows.length}` : "";
  };
  input.addEventListener("input", filter);
  filter(); // a browser keeps what was typed before a reload
}
for (const { dataset } of document.querySelectorAll("[data-again]"))
  setTimeout(() => location.reload(), 1000 * dataset.again);
// Figures lead where their tables do: a step to its segments, a class with none inside to its page.
addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll(".chart")) {
    const go = (address) => { if (address) location.assign(address); };
    const trace = element.figure?.data[0];
    if (trace?.type === "sankey") element.on("plotly_click", ({ points }) => go(points[0].customdata));
    if (trace?.type === "treemap")
      element.on("plotly_treemapclick", ({ points }) => {
        if (trace.parents.includes(points[0].id)) return true;
        go(points[0].customdata[0]);
        return false;
      });
  }
});
