// Everything here is comfort: each page works without it, by links and one form.
"use strict";
(() => {
  const box = document.getElementById("q");
  const live = document.getElementById("live");
  const form = document.getElementById("search");
  const WAIT_MS = 600;
  let loading = null;
  let timer = 0;
  let asking = 0;

  document.documentElement.classList.add("js");

  const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "Escape" && sheet() && !event.defaultPrevented) {
      closeSheet();
    }
  });

  // On a phone the open filters are a sheet over the results.
  const sheet = () => document.querySelector("#filters[open]");

  function closeSheet() {
    const filters = sheet();
    if (!filters) return;
    filters.open = false;
    filters.querySelector("summary").focus();
  }

  // Replaces the results in place; whatever goes wrong ends as the plain navigation that it stands for.
  async function show(url, { push = true, toTop = false, quiet = false } = {}) {
    loading?.abort();
    const mine = (loading = new AbortController());
    const old = document.getElementById("page");
    old.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const page = fresh.getElementById("page");
      if (!answer.ok || !page) throw new Error("not a results page");
      const key = document.activeElement?.dataset?.key;
      const typed = typing(document.activeElement) ? document.activeElement.value : null;
      keepOpen(old, page);
      document.title = fresh.title;
      if (document.activeElement !== box) box.value = fresh.getElementById("q").value;
      old.replaceWith(document.adoptNode(page));
      if (push) history.pushState({ partial: true }, "", answer.url);
      enhance();
      focusAgain(key, typed);
      if (toTop) window.scrollTo(0, 0);
      if (!quiet) announce(page);
    } catch (error) {
      if (error.name !== "AbortError") window.location.assign(url);
    }
  }

  function announce(page) {
    const assertive = page.dataset.announce.startsWith("0 ");
    live.setAttribute("aria-live", assertive ? "assertive" : "polite");
    live.textContent = page.dataset.announce;
  }

  function keepOpen(old, page) {
    for (const before of old.querySelectorAll("details[id]")) {
      const after = page.querySelector("#" + CSS.escape(before.id));
      if (after?.matches("details") && before.id !== "export") after.open = before.open;
    }
  }

  function focusAgain(key, typed) {
    if (!key) return;
    const again = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    again?.focus({ preventScroll: true });
    if (typed !== null && again && "value" in again && again.value !== typed) again.value = typed;
  }

  // A combobox: the text stays in the box, arrows go through the list below it, Enter takes what is marked.
  const list = document.getElementById("suggestions");
  let marked = -1;
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" })) {
    box.setAttribute(name, value);
  }

  box.addEventListener("input", () => {
    clearTimeout(asking);
    asking = setTimeout(suggest, 150);
  });

  async function suggest() {
    const typed = box.value;
    const answer = await fetch(box.dataset.suggest + "?" + new URLSearchParams({ q: typed })).catch(() => null);
    if (!answer?.ok || box.value !== typed || document.activeElement !== box) return;
    const { suggestions } = await answer.json();
    const known = typed.trimStart().replace(/\S*$/, "").length;
    list.replaceChildren(...suggestions.map((suggestion, at) => optionOf(suggestion, at, known)));
    mark(-1);
    open(suggestions.length > 0);
    live.setAttribute("aria-live", "polite");
    live.textContent = suggestions.length ? `${suggestions.length} ${suggestions.length === 1 ? "suggestion" : "suggestions"}` : "";
  }

  // What stands in the box already, `known` characters, is not said again.
  function optionOf(suggestion, at, known) {
    const item = document.createElement("li");
    item.id = `suggestion-${at}`;
    item.setAttribute("role", "option");
    item.dataset.text = suggestion.text;
    const word = document.createElement("b");
    word.textContent = suggestion.text.slice(known);
    const label = document.createElement("span");
    label.textContent = suggestion.label + (suggestion.count === null ? "" : ` (${suggestion.count.toLocaleString("en")})`);
    item.append(word, label);
    return item;
  }

  function open(shown) {
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

  function formUrl() {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    const text = query.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-partial]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    // An SVG link's href is an object; the attribute is text everywhere.
    show(link.getAttribute("href"), { toTop: "top" in link.dataset });
  });

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-auto]")) return;
    clearTimeout(timer);
    timer = setTimeout(() => show(formUrl()), event.target.type === "checkbox" ? 0 : WAIT_MS);
  });

  form?.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!document.getElementById("page")) return;
    event.preventDefault();
    // On a phone the filters lie over the results: their button shows what they found.
    if (event.submitter?.closest(".apply")) closeSheet();
    const url = formUrl();
    const another = document.getElementById("another");
    if (another) another.value = ""; // it is on its way
    show(url, { toTop: true });
  });

  // Arrows go from bar to bar of a histogram, which is one stop for Tab.
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest?.(".histogram a, .plot a");
    if (!bar) return;
    const bars = [...bar.closest("svg").querySelectorAll("a")];
    const at = bars.indexOf(bar);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = bars[Math.min(Math.max(to, 0), bars.length - 1)];
    for (const one of bars) one.setAttribute("tabindex", one === next ? "0" : "-1");
    next.focus();
  });

  // A stroke across bars sets both bounds at once; a click on one bar stays the link that it is.
  let brush = null;
  document.addEventListener("pointerdown", (event) => {
    const chart = event.target.closest?.("svg[data-brush]");
    if (!chart || event.button || !event.isPrimary) return;
    brush = { chart, from: barAt(chart, event.clientX), to: null };
  });
  document.addEventListener("pointermove", (event) => {
    if (!brush) return;
    const to = barAt(brush.chart, event.clientX);
    if (to === brush.from && brush.to === null) return;
    brush.to = to;
    for (const hit of brushed()) hit.classList.add("brushed");
    for (const hit of brush.chart.querySelectorAll(".brushed")) hit.classList.toggle("brushed", brushed().includes(hit));
  });
  document.addEventListener("pointerup", () => {
    const done = brush;
    const chosen = done?.to ? brushed() : [];
    brush = null;
    if (!chosen.length) return;
    const inputs = ["low", "high"].map((end) => document.getElementById(`${done.chart.dataset.brush}-${end}`));
    inputs[0].value = chosen[0].dataset.low;
    inputs[1].value = chosen[chosen.length - 1].dataset.high;
    // The click that ends the stroke must not follow the bar's own link.
    done.chart.addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true });
    show(formUrl());
  });
  document.addEventListener("pointercancel", () => (brush = null));
  document.addEventListener("dragstart", (event) => event.target.closest?.("svg[data-brush]") && event.preventDefault());

  function barAt(chart, x) {
    const hits = [...chart.querySelectorAll(".hit")];
    return hits.find((hit) => x <= hit.getBoundingClientRect().right) ?? hits[hits.length - 1];
  }

  function brushed() {
    const hits = [...brush.chart.querySelectorAll(".hit")];
    const ends = [hits.indexOf(brush.from), hits.indexOf(brush.to)].sort((a, b) => a - b);
    return hits.slice(ends[0], ends[1] + 1);
  }

  window.addEventListener("popstate", () => {
    if (document.getElementById("page")) show(window.location.href, { push: false });
  });

  // Long facets get a field that narrows what is listed while one types.
  function addNarrowing(facet) {
    const more = facet.querySelector("details.more");
    if (!more || facet.querySelector("input.narrow")) return;
    const input = document.createElement("input");
    input.className = "narrow";
    input.type = "search";
    input.placeholder = "Find in this list";
    input.setAttribute("aria-label", "Find in " + facet.querySelector("h2, summary").textContent);
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const item of more.querySelectorAll("li")) {
        item.hidden = wanted !== "" && !item.querySelector(".text").textContent.toLowerCase().includes(wanted);
      }
    });
    more.querySelector("summary").after(input);
  }

  // Long tables of names get the same; a link to one of them opens it.
  function addFilter(part) {
    const input = document.createElement("input");
    input.className = "narrow";
    input.type = "search";
    input.placeholder = "Find a " + part.dataset.narrow;
    input.setAttribute("aria-label", input.placeholder);
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of part.querySelectorAll("tbody tr, li")) {
        row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
      }
    });
    part.querySelector("summary").after(input);
    part.open ||= window.location.hash === "#" + part.id;
  }

  // What is chosen for a comparison stays chosen while one pages and refines; the bar says how many.
  const picked = new Map();
  document.addEventListener("change", (event) => {
    if (!event.target.matches('.pick input')) return;
    if (event.target.checked) picked.set(event.target.value, true);
    else picked.delete(event.target.value);
    showPicked();
  });

  function showPicked() {
    const bar = document.getElementById("compare");
    if (!bar) return;
    const boxes = [...document.querySelectorAll(".pick input")];
    for (const one of boxes) one.checked = picked.has(one.value);
    for (const old of bar.querySelectorAll("input[name=ids]")) old.remove();
    const here = new Set(boxes.map((one) => one.value));
    for (const id of picked.keys()) {
      if (here.has(id)) continue;
      const carried = Object.assign(document.createElement("input"), { type: "hidden", name: "ids", value: id });
      bar.append(carried);
    }
    bar.classList.toggle("ready", picked.size > 0);
    const button = bar.querySelector("button");
    button.disabled = picked.size < 2 || picked.size > 6;
    button.textContent = picked.size ? `Compare ${picked.size}` : "Compare chosen";
  }

  // A browser that goes back ticks again what was ticked, after this script has run.
  function pickTicked() {
    for (const one of document.querySelectorAll(".pick input:checked")) picked.set(one.value, true);
    showPicked();
  }
  window.addEventListener("pageshow", pickTicked);

  function enhance() {
    if (!document.documentElement.dataset.began) {
      document.documentElement.dataset.began = "yes";
      pickTicked();
    }
    showPicked();
    document.querySelectorAll("[data-facet]").forEach(addNarrowing);
    document.querySelectorAll("[data-narrow]:not(:has(input.narrow))").forEach(addFilter);
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.hidden = !navigator.clipboard;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.dataset.copy || window.location.href);
        button.textContent = "Copied";
        live.textContent = button.dataset.said || "Copied";
      });
    }
    const back = document.querySelector("[data-results]");
    if (back && document.referrer && new URL(document.referrer).pathname === back.dataset.results) {
      back.querySelector("a").href = document.referrer;
      back.hidden = false;
    }
    const waiting = document.querySelector("#page [data-poll]");
    if (waiting) setTimeout(poll, Number(waiting.dataset.poll));
  }

  function poll() {
    if (document.hidden || typing(document.activeElement)) setTimeout(poll, 3000);
    else show(window.location.href, { push: false, quiet: true });
  }

  enhance();
})();
