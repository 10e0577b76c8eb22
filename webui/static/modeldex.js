// Everything here is comfort: each page works without it, by links and one form.
"use strict";
(() => {
  const box = document.getElementById("q");
  const live = document.getElementById("live");
  const form = document.getElementById("search");
  const WAIT_MS = 600;
  const COPIED_MS = 2000;
  let loading = null;
  let timer = 0;
  let polling = 0;

  document.documentElement.classList.add("js");

  const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && box && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing) {
      if (!closeMenus({ focuses: true })) closeSheet();
    }
  });

  // A menu lies over the page: it ends with a click beside it, and with Escape.
  document.addEventListener("click", (event) => closeMenus({ but: event.target }));

  function closeMenus({ but = null, focuses = false }) {
    const open = [...document.querySelectorAll(".export[open]")].filter((menu) => !menu.contains(but));
    for (const menu of open) menu.open = false;
    if (focuses && open.length) open[0].querySelector("summary").focus();
    return open.length > 0;
  }

  // On a phone the open filters are a sheet over the results.
  const sheet = () => document.querySelector("#filters[open]");

  function closeSheet() {
    const filters = sheet();
    if (!filters) return;
    filters.open = false;
    filters.querySelector("summary").focus();
  }

  // Replaces the results in place. What was typed and not sent stays, and so does the page when no answer comes; a
  // refusal, or whatever else is no page of results, is shown by the plain navigation that this stands for.
  async function show(url, { sends = false, push = true, quiet = false, ...options } = {}) {
    loading?.abort();
    const mine = (loading = Object.assign(new AbortController(), { sends, quiet }));
    const old = document.getElementById("page");
    const sent = new Map([...fieldsOf(old), box].map((field) => [field, stateOf(field)]));
    old.setAttribute("aria-busy", "true");
    const answer = await answerOf(url, mine.signal);
    if (mine.signal.aborted) return;
    loading = null;
    old.removeAttribute("aria-busy");
    if (quiet && isBusy()) pollLater();
    else if (answer?.ok && answer.fresh.getElementById("page")) replace(old, answer, sent, { sends, push, quiet, ...options });
    else if (quiet) pollLater();
    else if (answer && answer.status < 500) window.location.assign(url);
    else tellTrouble(old, url, answer);
  }

  async function answerOf(url, signal) {
    try {
      const answer = await fetch(url, { signal, headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      return { ok: answer.ok, status: answer.status, url: answer.url, fresh };
    } catch {
      return null;
    }
  }

  function replace(old, { url, fresh }, sent, { sends, push, quiet, toTop = false, scroll = null, said = "" }) {
    const page = fresh.getElementById("page");
    const field = old.contains(document.activeElement) ? document.activeElement : null;
    const selected = field && isText(field) ? [field.selectionStart, field.selectionEnd] : null;
    keepOpen(old, page, quiet);
    document.title = fresh.title;
    keepBox(fresh.getElementById("q").value, sent.get(box));
    if (push && url !== window.location.href) {
      tops.set(entryOf(history.state), window.scrollY);
      history.pushState({ entry: entryOf(history.state) + 1 }, "", url);
    }
    old.replaceWith(document.adoptNode(page));
    enhance();
    keepTyped(old, page, sent, { sends, focused: sends || quiet ? field : null });
    if (field) focusAgain(field, selected, quiet);
    if (toTop) window.scrollTo(0, 0);
    else if (scroll !== null) window.scrollTo(0, scroll);
    if (!quiet || isNone(old)) announce(page, said);
  }

  const fieldsOf = (page) => page.querySelectorAll("input, select");
  const isText = (field) => field.matches("input[type=text], input[type=search], input:not([type])");
  const stateOf = (field) => (field.type === "checkbox" ? field.checked : field.value);
  const nameOf = (field) => field.dataset.key ?? (field.matches("summary") ? field.parentElement.id : field.id);

  // How far down the pages were that were left for another one; where the next one is shorter, the browser forgets.
  const tops = new Map();
  const entryOf = (state) => state?.entry ?? 0;

  // What the request carried is in the answer. What was typed since, or is for another form, is not; and nobody's text is
  // spelt otherwise while they are in it.
  function keepTyped(old, page, sent, { sends, focused }) {
    const here = new Map([...fieldsOf(page)].map((field) => [nameOf(field), field]));
    for (const field of fieldsOf(old)) {
      const again = nameOf(field) && here.get(nameOf(field));
      const carried = sends && field.form === form && field.id !== "another";
      const unsent = isText(field) && (field === focused || (!carried && field.value !== field.defaultValue));
      if (!again || (stateOf(field) === sent.get(field) && !unsent)) continue;
      if (field.type === "checkbox") again.checked = field.checked;
      else again.value = field.value;
      if (again.matches(".narrow")) again.dispatchEvent(new Event("input"));
    }
  }

  // The box shows the text of the results, unless something was typed into it that they are not yet about.
  function keepBox(text, sent) {
    const typed = box.value;
    const unsent = typed !== sent || text === box.defaultValue;
    box.defaultValue = text;
    const wanted = unsent ? typed : text;
    if (box.value !== wanted) box.value = wanted;
  }

  function tellTrouble(page, url, answer) {
    document.getElementById("trouble")?.remove();
    const text = answer ? `The server could not answer (${answer.status}).` : "The server does not answer.";
    // Back and Forward have changed the address already.
    const astray = address() !== shown;
    const still = astray ? "This is still the page before, not the one of the address." : "The results are as they were.";
    const notice = Object.assign(document.createElement("p"), { id: "trouble", className: "notice warn", textContent: `${text} ${still} ` });
    notice.classList.toggle("astray", astray);
    const again = Object.assign(document.createElement("a"), { href: url, textContent: "Try again" });
    again.dataset.partial = "";
    notice.append(again);
    page.querySelector("#content").prepend(notice);
    live.setAttribute("aria-live", "assertive");
    live.textContent = `${text} ${still}`;
  }

  const isNone = (page) => page.dataset.announce.startsWith("0 ");

  function announce(page, said) {
    live.setAttribute("aria-live", isNone(page) ? "assertive" : "polite");
    live.textContent = said || page.dataset.announce;
  }

  function keepOpen(old, page, quiet) {
    for (const before of old.querySelectorAll("details[id]")) {
      const after = page.querySelector("#" + CSS.escape(before.id));
      if (after?.matches("details") && (quiet || !before.matches(".export"))) after.open = before.open;
    }
  }

  // By what it is, a link of the same results by where it leads, a button by its words; else where the results begin, never
  // the top of the page.
  function focusAgain(field, selected, quiet) {
    const name = CSS.escape(nameOf(field));
    const href = field.getAttribute("href");
    const alike = (other) => (href ? other.getAttribute("href") === href : other.textContent === field.textContent);
    const again =
      (name && document.querySelector(`[data-key="${name}"], #${name}:not(details), details#${name} > summary`)) ||
      (quiet && [...document.querySelectorAll("#page " + field.localName)].find(alike)) ||
      document.querySelector("#content h1");
    if (!again) return;
    if (again.matches("h1")) again.tabIndex = -1;
    again.focus({ preventScroll: true });
    if (selected && isText(again)) again.setSelectionRange(...selected);
  }

  function formUrl({ leaves = "", columns = null } = {}) {
    const query = new URLSearchParams();
    const unfinished = leaves && document.getElementById(leaves);
    if (unfinished) unfinished.disabled = true;
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    if (unfinished) unfinished.disabled = false;
    if (columns || !choseColumns(query)) query.delete("columns");
    for (const name of columns ?? []) query.append("columns", name);
    const text = query.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  }

  // The columns of a table that nobody chose follow what is found, as in its links.
  function choseColumns(query) {
    const ticks = [...document.querySelectorAll("#columns input[type=checkbox]")];
    const changed = ticks.some((tick) => tick.checked !== tick.defaultChecked) || query.getAll("columns").length !== ticks.filter((tick) => tick.checked).length;
    return changed || new URLSearchParams(window.location.search).has("columns");
  }

  const opensElsewhere = (event) => event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-partial]");
    if (!link || event.defaultPrevented || opensElsewhere(event)) return;
    event.preventDefault();
    // An SVG link's href is an object; the attribute is text everywhere.
    show(link.getAttribute("href"), { toTop: "top" in link.dataset, said: link.dataset.said });
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-auto]") && !event.isComposing) sendLater(event.target.type === "checkbox" ? 0 : WAIT_MS);
  });
  // Nor does what was typed just before a composition begins search in the middle of it.
  document.addEventListener("compositionstart", () => clearTimeout(timer));
  document.addEventListener("compositionend", (event) => {
    if (event.target.matches("[data-auto]")) sendLater(WAIT_MS);
  });

  // What is half typed for a column is no column yet. A link that is followed meanwhile comes first: the form is then its page's;
  // a page that comes anew by itself is not waited for.
  function sendLater(waitMs) {
    clearTimeout(timer);
    timer = setTimeout(() => (loading && !loading.sends && !loading.quiet ? sendLater(100) : show(formUrl({ leaves: "another" }), { sends: true })), waitMs);
  }

  form?.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!document.getElementById("page")) return;
    event.preventDefault();
    // On a phone the filters lie over the results: their button shows what they found.
    if (event.submitter?.closest(".apply")) closeSheet();
    const url = formUrl();
    const another = document.getElementById("another");
    if (another) another.value = ""; // it is on its way
    show(url, { toTop: true, sends: true });
  });

  // A form that changes something is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
    setTimeout(() => delete event.target.dataset.sent, 5000);
  });
  window.addEventListener("pageshow", () => {
    for (const sent of document.querySelectorAll("form[data-sent]")) delete sent.dataset.sent; // whoever came back may send it again
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
    show(formUrl({ leaves: "another" }), { sends: true });
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

  // A column is moved by its head with the mouse; its arrows among the columns do the same with keys and without a script.
  let dragged = null;
  const headAt = (event) => event.target.closest?.("th[data-column]");
  document.addEventListener("dragstart", (event) => {
    dragged = headAt(event);
    if (dragged) event.dataTransfer.setData("text/plain", dragged.dataset.column);
  });
  document.addEventListener("dragover", (event) => {
    const over = dragged && headAt(event);
    if (over) event.preventDefault(); // it may be dropped here
    mark(over);
  });
  document.addEventListener("drop", (event) => {
    const over = dragged && headAt(event);
    if (!over) return;
    event.preventDefault();
    if (over === dragged) return;
    const columns = headsOf(over).map((head) => head.dataset.column);
    const to = columns.indexOf(over.dataset.column);
    columns.splice(to, 0, ...columns.splice(columns.indexOf(dragged.dataset.column), 1));
    show(formUrl({ leaves: "another", columns }), { sends: true, said: `Moved to column ${to + 1} of ${columns.length}` });
  });
  document.addEventListener("dragend", () => mark((dragged = null)));

  const headsOf = (head) => [...head.parentElement.querySelectorAll("[data-column]")];

  function mark(over) {
    for (const head of document.querySelectorAll("[data-drop]")) if (head !== over) delete head.dataset.drop;
    if (over && over !== dragged) over.dataset.drop = headsOf(over).indexOf(dragged) < headsOf(over).indexOf(over) ? "after" : "before";
  }

  // A link within the page, as to skip its head, changes the address, too, and fetches nothing.
  const address = () => window.location.pathname + window.location.search;
  let shown = address();
  window.addEventListener("popstate", (event) => {
    if (!document.getElementById("page")) return;
    if (address() === shown && !loading) document.querySelector("#trouble.astray")?.remove(); // it is the page of the address again
    else show(window.location.href, { push: false, scroll: tops.get(entryOf(event.state)) ?? null });
  });

  // A long list or table of names gets a field that narrows it while one types.
  function addNarrowing(list, { name, placeholder, label = placeholder }) {
    const input = Object.assign(document.createElement("input"), { className: "narrow", type: "search", placeholder });
    input.setAttribute("aria-label", label);
    input.dataset.key = "narrow-" + name;
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of list.querySelectorAll("tbody tr, li")) {
        row.hidden = !(row.querySelector(".text") ?? row).textContent.toLowerCase().includes(wanted);
      }
    });
    list.querySelector("summary").after(input);
  }

  function narrowLists() {
    for (const list of document.querySelectorAll("[data-facet] .more:not(:has(.narrow))")) {
      const { facet } = list.closest("[data-facet]").dataset;
      const label = "Find in " + list.closest("[data-facet]").querySelector("h2, summary").textContent;
      addNarrowing(list, { name: facet, placeholder: "Find in this list", label });
    }
    for (const list of document.querySelectorAll("[data-narrow]:not(:has(.narrow))")) {
      addNarrowing(list, { name: list.id, placeholder: "Find a " + list.dataset.narrow });
      list.open ||= window.location.hash === "#" + list.id; // a link to it opens it
    }
  }

  // What is chosen for a comparison stays chosen in this tab while one pages, refines and looks at a model; the bar says how many.
  const picked = new Set(pickedBefore());

  function pickedBefore() {
    try {
      return [].concat(JSON.parse(sessionStorage.getItem("picked")) ?? []);
    } catch {
      return []; // a browser may refuse to keep anything
    }
  }

  function keepPicked() {
    try {
      sessionStorage.setItem("picked", JSON.stringify([...picked]));
    } catch {} // the choice then ends with the page
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches(".pick input")) return;
    if (event.target.checked) picked.add(event.target.value);
    else picked.delete(event.target.value);
    keepPicked();
    showPicked();
  });

  document.addEventListener("reset", (event) => {
    if (event.target.id !== "compare") return;
    picked.clear();
    keepPicked();
    showPicked();
    document.querySelector(".pick input")?.focus(); // the button is gone
  });

  function showPicked() {
    const bar = document.getElementById("compare");
    if (!bar) return;
    const boxes = [...document.querySelectorAll(".pick input")];
    for (const one of boxes) one.checked = picked.has(one.value);
    for (const old of bar.querySelectorAll("input[name=ids]")) old.remove();
    const here = new Set(boxes.map((one) => one.value));
    for (const id of picked) {
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
    for (const one of document.querySelectorAll(".pick input:checked")) picked.add(one.value);
    showPicked();
  }
  window.addEventListener("pageshow", pickTicked);

  function enhance() {
    showPicked();
    narrowLists();
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
    const back = document.querySelector("[data-results]");
    if (back && document.referrer && new URL(document.referrer).pathname === back.dataset.results) {
      const link = back.querySelector("a");
      link.href = document.referrer;
      link.addEventListener("click", goBack);
      back.hidden = false;
    }
    sizes.disconnect();
    for (const place of document.querySelectorAll(".scroll:has(> table > thead)")) sizes.observe(place);
    shown = address();
    pollLater();
  }

  // To the results as they were left, with the place on the page, where they are the step before.
  function goBack(event) {
    if (opensElsewhere(event) || window.location.hash || history.length < 2) return;
    event.preventDefault();
    history.back();
  }

  // A table that is not wider than its place is no place to scroll in, and its heads can stay on top.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      target.classList.remove("fits");
      const fits = target.scrollWidth <= target.clientWidth;
      target.classList.toggle("fits", fits);
      target.tabIndex = fits ? -1 : 0;
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const copied = await navigator.clipboard.writeText(button.dataset.copy || window.location.href).then(() => true, () => false);
    const said = copied ? button.dataset.said || "Copied" : "The browser does not let this page copy";
    live.textContent = said;
    if (button.dataset.done) return;
    const words = [...button.childNodes];
    button.dataset.done = "yes";
    button.replaceChildren(copied ? "Copied" : "Not copied");
    setTimeout(() => {
      button.replaceChildren(...words);
      delete button.dataset.done;
      if (live.textContent === said) live.textContent = ""; // the same words are heard again
    }, COPIED_MS);
  });

  function pollLater() {
    clearTimeout(polling);
    const waiting = document.querySelector("#page [data-poll]");
    if (waiting) polling = setTimeout(poll, Number(waiting.dataset.poll));
  }

  // Nobody's page comes anew while they type, mark what they read, have a menu open or wait for an answer.
  const isBusy = () => document.hidden || loading || typing(document.activeElement) || !getSelection().isCollapsed || document.querySelector(".export[open]");

  function poll() {
    if (isBusy()) pollLater();
    else show(window.location.href, { push: false, quiet: true });
  }

  pickTicked();
  enhance();
})();
