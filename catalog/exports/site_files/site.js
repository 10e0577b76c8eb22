// The search of a static catalog: everything is in MODELS (models.js), nothing is fetched.
"use strict";

(() => {
  const STEP = 100;
  const UNITS = { k: 1e3, m: 1e6, b: 1e9, t: 1e12, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, "%": 0.01 };
  const NUMBERS = { params: "parameters", parameters: "parameters", size: "size_bytes", size_bytes: "size_bytes" };
  const WORDS = ["name", "task", "framework", "license", "library", "owner", "language", "tags", "datasets", "status", "risk"];
  const NAMES = { tag: "tags", lang: "language", dataset: "datasets", licence: "license" };
  const PIECES = /(-?)(?:([\p{L}\p{N}_.@-]+?)\s*(>=|<=|:|>|<|=)\s*)?("[^"]*"?|\S+)/gu;
  const models = window.MODELS;
  const form = document.querySelector("form");
  const box = form.elements.q;
  const order = form.elements.sort;
  const list = document.querySelector("ol");
  const status = document.querySelector("[role=status]");
  const more = document.querySelector("#more");
  let found = [];
  let shown = 0;

  const metrics = new Set(models.flatMap((model) => Object.keys(model.metrics || {})));
  [...metrics].sort().forEach((metric) => {
    order.append(new Option(metric.replaceAll("_", " "), `metric:${metric}`));
  });

  function fold(text) {
    return String(text).normalize("NFKC").toLowerCase();
  }

  function number(text) {
    const match = /^(-?\d*\.?\d+(?:e[+-]?\d+)?)\s*(%|[kmbt]b?)?$/i.exec(text);
    return match ? Number(match[1]) * (UNITS[(match[2] || "").toLowerCase()] ?? 1) : NaN;
  }

  function compared(value, sign, wanted) {
    if (value === undefined || value === null) return false;
    switch (sign) {
      case ">": return value > wanted;
      case ">=": return value >= wanted;
      case "<": return value < wanted;
      case "<=": return value <= wanted;
      default: return value === wanted;
    }
  }

  // One condition, or null for what is not understood.
  function condition(key, sign, text) {
    const name = NAMES[key] || key;
    if (NUMBERS[name] || metrics.has(name)) {
      const wanted = number(text);
      if (Number.isNaN(wanted)) return null;
      return (model) => compared(NUMBERS[name] ? model[NUMBERS[name]] : (model.metrics || {})[name], sign, wanted);
    }
    if (name === "after" && /^\d{4}/.test(text)) return (model) => (model.date || "").slice(0, text.length) > text;
    if (name === "before" && /^\d{4}/.test(text)) return (model) => Boolean(model.date) && model.date.slice(0, text.length) < text;
    if (name === "in" && /^\d{4}/.test(text)) return (model) => (model.date || "").startsWith(text);
    if (WORDS.includes(name) && (sign === ":" || sign === "=")) {
      const wanted = fold(text).split(",").filter(Boolean);
      const value = (model) => [model[name] ?? []].flat().map(fold);
      return (model) => wanted.some((one) => value(model).some((each) =>
        one.endsWith("*") ? each.startsWith(one.slice(0, -1)) : each === one));
    }
    return null;
  }

  function parsed(text) {
    const conditions = [];
    const lost = [];
    for (const [whole, minus, key, sign, raw] of text.matchAll(PIECES)) {
      const value = raw.replace(/^"|"$/g, "");
      let holds = null;
      if (key) {
        holds = condition(fold(key), sign, value);
        if (!holds) { lost.push(whole); continue; }
      } else {
        const wanted = fold(value);
        holds = (model) => model.text.includes(wanted);
      }
      conditions.push(minus ? (model) => !holds(model) : holds);
    }
    return { conditions, lost };
  }

  function sorted(rows, by) {
    if (by.startsWith("metric:")) {
      const metric = by.slice(7);
      const sign = window.LOWER_IS_BETTER.includes(metric) ? 1 : -1;
      const value = (model) => (model.metrics || {})[metric];
      return rows.sort((a, b) => (value(a) === undefined) - (value(b) === undefined) || sign * ((value(a) ?? 0) - (value(b) ?? 0)));
    }
    if (by === "date") return rows.sort((a, b) => (b.date || "").localeCompare(a.date || ""));
    return rows.sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  }

  function row(model) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `models/${model.id}.html`;
    link.textContent = model.name;
    const line = document.createElement("p");
    const scores = Object.entries(model.metrics || {}).slice(0, 3).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
    line.textContent = [model.task, model.framework, model.license, (model.date || "").slice(0, 10), ...scores].filter(Boolean).join(" · ");
    item.append(link, line);
    if (model.warning) {
      const warning = document.createElement("p");
      warning.className = "risk";
      warning.textContent = model.warning;
      item.append(warning);
    }
    return item;
  }

  function show() {
    list.append(...found.slice(shown, shown + STEP).map(row));
    shown = Math.min(shown + STEP, found.length);
    more.hidden = shown >= found.length;
  }

  function search() {
    const { conditions, lost } = parsed(box.value.slice(0, 1000));
    found = lost.length ? [] : sorted(models.filter((model) => conditions.every((holds) => holds(model))), order.value);
    list.replaceChildren();
    shown = 0;
    show();
    status.textContent = lost.length
      ? `Not understood: ${lost.join(" ")}`
      : `${found.length.toLocaleString("en")} of ${models.length.toLocaleString("en")} models`;
    const state = new URLSearchParams({ q: box.value, sort: order.value });
    history.replaceState(null, "", `#${state}`);
  }

  function restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    box.value = state.get("q") || "";
    order.value = state.get("sort") || "name";
    if (order.selectedIndex < 0) order.value = "name";
    search();
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  box.addEventListener("input", search);
  order.addEventListener("change", search);
  more.addEventListener("click", show);
  window.addEventListener("hashchange", restore);
  restore();
})();
