/* Keeps the browser's time zone in a cookie, from which the server shows times (the first page is the sign-in page).
   Shows the title of a <time> when it, or the link it is in, gets the keyboard's focus; a mouse shows titles itself. */
"use strict";
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; secure" : "";
  if (zone) document.cookie = `time_zone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;

  const bubble = document.createElement("span");
  bubble.className = "bubble";
  bubble.setAttribute("aria-hidden", "true"); /* a title is read aloud anyway */

  function reach(part) {
    for (const time of part.querySelectorAll("time[title]")) {
      if (!time.closest("a, button, summary, label, [aria-hidden=true]")) time.tabIndex = 0;
    }
  }
  reach(document);
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
    if (node.querySelectorAll && node !== bubble) reach(node.parentNode ?? node);
  }))).observe(document.body, { childList: true, subtree: true });

  document.addEventListener("focusin", ({ target }) => {
    bubble.remove();
    const time = target.closest("time[title]") ?? (target.matches("a, button, summary") && target.querySelector("time[title]"));
    if (!time || !target.matches(":focus-visible")) return;
    bubble.textContent = time.title;
    (time.closest("dialog") ?? document.body).append(bubble);
    const place = time.getBoundingClientRect();
    const left = Math.min(place.left, document.documentElement.clientWidth - bubble.offsetWidth - 8);
    bubble.style.left = `${Math.max(left, 8)}px`;
    const below = place.bottom + 6;
    bubble.style.top = `${below + bubble.offsetHeight > innerHeight ? place.top - bubble.offsetHeight - 6 : below}px`;
  });
  document.addEventListener("focusout", () => bubble.remove());
  document.addEventListener("scroll", () => bubble.remove(), true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") bubble.remove(); });
}
