"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const form = byId("filter"), input = byId("text"), count = byId("count"), nothing = byId("nothing");
  const rows = new Map([...document.querySelectorAll("tr[data-of]")].map((row) => [row.dataset.of, row]));
  // Only what was searched once is read, and then kept.
  const texts = new WeakMap();
  const textOf = (element) => {
    let text = texts.get(element);
    if (text === undefined) {
      text = element.textContent.toLowerCase();
      texts.set(element, text);
    }
    return text;
  };
  const scenarios = [...document.querySelectorAll(".scenario")].map((element) => ({
    element,
    runs: [...element.querySelectorAll(".run")],
    // What stands before the first run.
    get head() {
      const parts = [element.querySelector("summary"), ...element.querySelectorAll(":scope > details > .body > :not(.run)")];
      return parts.map(textOf).join(" ");
    },
  }));

  const apply = () => {
    const wanted = input.value.trim().toLowerCase();
    const statuses = new Set([...form.elements.status].filter((box) => box.checked).map((box) => box.value));
    let shownScenarios = 0, shownRuns = 0;
    for (const scenario of scenarios) {
      const { element, runs } = scenario;
      let isShown = statuses.has(element.dataset.status);
      if (isShown) {
        const isHeadHit = wanted === "" || scenario.head.includes(wanted);
        let hits = 0;
        for (const run of runs) {
          run.hidden = !isHeadHit && !textOf(run).includes(wanted);
          if (!run.hidden) hits += 1;
        }
        isShown = isHeadHit || hits > 0;
        if (isShown) shownRuns += hits;
      }
      element.hidden = !isShown;
      const row = rows.get(element.id);
      if (row) row.hidden = !isShown;
      if (isShown) shownScenarios += 1;
    }
    nothing.hidden = shownScenarios > 0;
    count.textContent = `${shownScenarios} of ${scenarios.length} scenarios, ${shownRuns} runs shown`;
  };

  let timer;
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  const each = (open) => {
    for (const { element, runs } of scenarios) {
      if (element.hidden) continue;
      element.querySelector("details").open = open;
      for (const run of runs) if (!run.hidden) run.open = open;
    }
  };
  byId("open").addEventListener("click", () => each(true));
  byId("close").addEventListener("click", () => each(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|textarea)$/i.test(event.target.tagName) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape" && event.target === input) {
      input.value = "";
      apply();
    }
  });

  // A link to something inside opens what it stands in.
  const reveal = () => {
    let name;
    try { name = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = name && byId(name);
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const inner = target.querySelector(":scope > details");
    if (inner) inner.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);

  // Paper opens nothing by itself: criteria of every scenario are printed, runs that are open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = scenarios.map(({ element }) => element.querySelector("details")).filter((details) => !details.open);
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });

  form.hidden = false;
  apply();
  reveal();
})();
