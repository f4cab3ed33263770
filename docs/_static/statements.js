// The table of statements: sorts by a heading, filters by words and by verdict.
(() => {
  const table = document.getElementById("verdicts");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const words = document.getElementById("words");
  const verdict = document.getElementById("verdict");
  const text = (row, column) => row.cells[column].textContent.trim();
  const VERDICT = 4;

  const kinds = [...new Set(rows.map((row) => text(row, VERDICT).replace(/, notebook .*/, "")))].sort();
  for (const kind of kinds) verdict.add(new Option(kind, kind));

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const all = row.textContent.toLowerCase();
      const fits = wanted.every((word) => all.includes(word)) && (!verdict.value || text(row, VERDICT).replace(/, notebook .*/, "") === verdict.value);
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
  }

  function sort(head) {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const column = head.cellIndex;
    const order = new Intl.Collator("en", { numeric: true });
    rows.sort((a, b) => (ascending ? 1 : -1) * order.compare(text(a, column), text(b, column)));
    body.append(...rows);
  }

  words.addEventListener("input", filter);
  verdict.addEventListener("change", filter);
  for (const head of table.tHead.rows[0].cells) head.addEventListener("click", () => sort(head));
  filter();
})();
