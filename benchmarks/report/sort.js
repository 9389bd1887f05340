// A click on a column's head sorts its table, the best first; a second click turns it round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortRows(table, heads, column));
    head.append(button);
  });
}

function sortRows(table, heads, column) {
  const head = heads[column];
  const first = head.dataset.first || "descending";
  const other = first === "descending" ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  heads.forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => [row.cells[column].dataset.value, row]);
  rows.sort(([a], [b]) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * (column ? a - b : a.localeCompare(b, "en", { numeric: true }));
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}
