/* Fills an element with data-live from that address every 15 s while the page is visible, until a response has
   X-Live: done. Unchanged content is left alone, so that it is announced only once. */
"use strict";
for (const element of document.querySelectorAll("[data-live]")) {
  let last = element.textContent.trim();
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(element.dataset.live, { headers: { "X-Live": "asked" } });
      if (!answer.ok || answer.redirected) return;
      const said = await answer.text();
      if (said.trim() !== last) element.innerHTML = last = said.trim();
      if (answer.headers.get("X-Live") === "done") clearInterval(timer);
    } catch { /* no network: the next interval tries again */ }
  }, 15_000);
}
