/* Renews a page with data-refresh (seconds) while it is visible: each element with data-part is filled from the same
   page, asked for again. Nothing moves while somebody has a menu or dialog open or selects text in it; the focus and
   what was unfolded stay. The button pauses it. It ends with the session. */
"use strict";
{
  const line = document.querySelector("[data-refresh]");
  const KEY = "console.paused";
  const parts = (root) => [...root.querySelectorAll("[data-part]")];
  let isPaused = false;
  let timer = null;
  try { isPaused = sessionStorage.getItem(KEY) === "yes"; } catch { /* no storage: the choice is for this page */ }

  // Where the focus is, so that it can be found in the new content: an address, an id or a test id, and which of these.
  const alike = (part, { tagName, id, dataset }, href) => [...part.querySelectorAll(tagName)].filter((one) =>
    one.getAttribute("href") === href && one.id === id && one.dataset.testid === dataset.testid);

  function renew(part, html) {
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const href = focused?.getAttribute("href");
    const place = focused && alike(part, focused, href).indexOf(focused);
    const unfolded = [...part.querySelectorAll("details")].map((one) => one.open);
    part.innerHTML = html;
    part.querySelectorAll("details").forEach((one, number) => { one.open = unfolded[number] ?? false; });
    if (focused) (alike(part, focused, href)[place] ?? part).focus({ preventScroll: true });
  }

  const isInUse = () => document.querySelector("dialog[open], details.menu[open]") || !getSelection().isCollapsed;

  async function refresh() {
    if (document.hidden || isPaused || isInUse()) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "asked" } });
      if (answer.redirected) { clearInterval(timer); line.textContent = line.dataset.ended; return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (isPaused || isInUse()) return;
      const fresh = new Map(parts(page).map((part) => [part.dataset.part, part.innerHTML]));
      for (const part of parts(document)) {
        const html = fresh.get(part.dataset.part);
        if (html !== undefined && html !== part.innerHTML) renew(part, html);
      }
    } catch { /* no network: the next interval tries again */ }
  }

  function show(button) {
    button.textContent = isPaused ? button.dataset.continue : button.dataset.pause;
  }

  if (line) {
    const button = line.querySelector("button");
    show(button);
    button.addEventListener("click", () => {
      isPaused = !isPaused;
      try { sessionStorage.setItem(KEY, isPaused ? "yes" : "no"); } catch { /* as above */ }
      show(button);
      refresh();
    });
    timer = setInterval(refresh, Number(line.dataset.refresh) * 1_000);
    document.addEventListener("visibilitychange", refresh);
  }
}
