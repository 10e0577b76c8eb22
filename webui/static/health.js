// The health page follows what happens. Without it, the page is as it was when it was opened.
"use strict";
(() => {
  const live = document.getElementById("live");

  async function poll() {
    const old = document.getElementById("health");
    if (isBusy(old)) return wait(old);
    try {
      const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("health");
      if (!answer.ok || !fresh) return tellTrouble(old);
      if (isBusy(old)) return wait(old);
      for (const open of old.querySelectorAll("details[open][id]")) {
        fresh.querySelector("#" + CSS.escape(open.id))?.setAttribute("open", "");
      }
      const focused = old.querySelector("details[id] > summary:focus")?.parentElement.id;
      if (fresh.dataset.sentence !== old.dataset.sentence) live.textContent = fresh.dataset.sentence;
      old.replaceWith(document.adoptNode(fresh));
      if (focused) fresh.querySelector(`#${CSS.escape(focused)} > summary`)?.focus({ preventScroll: true });
      wait(fresh);
    } catch {
      tellTrouble(old);
    }
  }

  // The server is away, or the session has ended. It may come back.
  function tellTrouble(old) {
    if (!old.classList.contains("away")) live.textContent = old.dataset.away;
    old.classList.add("away");
    wait(old);
  }

  // Whoever marks or chooses something there keeps it. Who opened what a run tells goes on to follow the rest.
  const isBusy = (page) => document.hidden || page.querySelector(":focus:not(summary)") || !getSelection().isCollapsed;

  function wait(page) {
    setTimeout(poll, Number(page.dataset.poll));
  }

  wait(document.getElementById("health"));
})();
