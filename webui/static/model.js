// Comfort for the page of one model: the table of values narrows while one types. The form does the same without it.
"use strict";
(() => {
  const form = document.getElementById("values-filter");
  const table = document.getElementById("values-table");
  if (!form || !table) return;
  const input = form.querySelector("input[type=search]");
  const live = document.getElementById("live");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("button").hidden = true;
  input.addEventListener("input", () => {
    const words = input.value.trim().toLowerCase();
    let left = 0;
    for (const group of table.tBodies) {
      let some = false;
      for (const row of group.rows) {
        if (!("row" in row.dataset)) continue;
        row.hidden = words !== "" && !row.textContent.toLowerCase().includes(words);
        some ||= !row.hidden;
        left += row.hidden ? 0 : 1;
      }
      group.hidden = !some;
    }
    live.textContent = `${left} ${left === 1 ? "value" : "values"}`;
  });
})();
