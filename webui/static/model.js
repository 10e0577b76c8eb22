// Comfort for the page of one model: the table of values narrows while one types, and a lineage that is wider than the
// screen begins at the model. The form and the list do the same without it.
"use strict";
(() => {
  const drawn = document.querySelector(".lineage .scroll");
  const self = drawn && drawn.querySelector(".this rect");
  if (self) drawn.scrollLeft = self.x.baseVal.value + self.width.baseVal.value / 2 - drawn.clientWidth / 2;
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
