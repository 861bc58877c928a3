/* Fills an element with data-live from that address while the page is visible, every 15 s or as many as data-every
   has, until a response has X-Live: done. After X-Live: reload the page is opened again. Unchanged content is left
   alone, so that it is announced only once. */
"use strict";
for (const element of document.querySelectorAll("[data-live]")) {
  let last = element.textContent.trim();
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(element.dataset.live, { headers: { "X-Live": "asked" } });
      if (!answer.ok || answer.redirected) return;
      if (answer.headers.get("X-Live") === "reload") { clearInterval(timer); location.reload(); return; }
      const said = await answer.text();
      if (said.trim() !== last) element.innerHTML = last = said.trim();
      if (answer.headers.get("X-Live") === "done") clearInterval(timer);
    } catch { /* no network: the next interval tries again */ }
  }, Number(element.dataset.every ?? 15) * 1_000);
}
