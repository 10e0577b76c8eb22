// What the search box offers while one types. Without it, the box is a field of a form.
"use strict";
(() => {
  // A combobox: the text stays in the box, arrows go through the list below it, Enter takes what is marked.
  const box = document.getElementById("q");
  const list = document.getElementById("suggestions");
  const live = document.getElementById("live");
  let marked = -1;
  let asking = 0;
  let asked = 0;
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" })) {
    box.setAttribute(name, value);
  }

  // Half of a character that is being composed begins no word.
  box.addEventListener("input", (event) => event.isComposing || suggestLater());
  box.addEventListener("compositionstart", () => {
    clearTimeout(asking);
    open(false);
  });
  box.addEventListener("compositionend", suggestLater);

  function suggestLater() {
    clearTimeout(asking);
    asking = setTimeout(suggest, 150);
  }

  async function suggest() {
    const typed = box.value;
    const mine = ++asked;
    const suggestions = await suggestionsFor(typed).catch(() => null); // the server is away, or the session has ended
    if (!suggestions || mine !== asked || box.value !== typed || document.activeElement !== box) return;
    const known = typed.trimStart().replace(/\S*$/, "").length;
    list.replaceChildren(...suggestions.map((suggestion, at) => optionOf(suggestion, at, known)));
    mark(-1);
    open(suggestions.length > 0);
    live.setAttribute("aria-live", "polite");
    live.textContent = suggestions.length ? `${suggestions.length} ${suggestions.length === 1 ? "suggestion" : "suggestions"}` : "";
  }

  async function suggestionsFor(typed) {
    const answer = await fetch(box.dataset.suggest + "?" + new URLSearchParams({ q: typed }));
    return answer.ok ? (await answer.json()).suggestions : null;
  }

  // What stands in the box already, `known` characters, is not said again, nor a label that is the value itself.
  function optionOf(suggestion, at, known) {
    const item = document.createElement("li");
    item.id = `suggestion-${at}`;
    item.setAttribute("role", "option");
    item.dataset.text = suggestion.text;
    const word = document.createElement("b");
    word.textContent = suggestion.text.slice(known);
    const label = document.createElement("span");
    const count = suggestion.count === null ? "" : `${suggestion.count.toLocaleString("en")} ${suggestion.count === 1 ? "model" : "models"}`;
    const isValue = suggestion.text.replaceAll('"', "").includes(":" + suggestion.label.replace(/…$/, ""));
    const named = isValue && count ? "" : suggestion.label;
    label.textContent = [named, count].filter(Boolean).join(" · ");
    item.append(word, label);
    return item;
  }

  function open(shown) {
    asked += 1; // an answer that is under way comes too late
    list.hidden = !shown;
    box.setAttribute("aria-expanded", String(shown));
    if (!shown) mark(-1);
  }

  function mark(at) {
    marked = at;
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    if (at < 0) box.removeAttribute("aria-activedescendant");
    else {
      box.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  }

  function take(item) {
    box.value = item.dataset.text;
    open(false);
    box.focus();
    // A name goes on with its values; a whole condition is complete.
    if (/[:\s]$/.test(box.value)) suggest();
  }

  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // its keys choose characters; Safari says so by the number alone
    const count = list.hidden ? 0 : list.children.length;
    if (event.key === "Escape" && count) {
      event.preventDefault(); // which would empty the box
      event.stopImmediatePropagation();
      open(false);
    } else if (event.key === "ArrowDown" && !count) {
      suggest();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && count) {
      event.preventDefault();
      const to = marked + (event.key === "ArrowDown" ? 1 : -1);
      mark(to >= count ? -1 : to < -1 ? count - 1 : to);
    } else if (event.key === "Enter" && marked >= 0) {
      event.preventDefault();
      take(list.children[marked]);
    } else if (event.key === "Enter" || event.key === "Tab") {
      clearTimeout(asking);
      open(false);
    } else if (/^(Home|End|ArrowLeft|ArrowRight)$/.test(event.key) && marked >= 0) {
      mark(-1); // whoever moves in the text goes on with it: Enter searches
    }
  });
  box.addEventListener("blur", () => open(false));
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) take(item);
  });
})();
