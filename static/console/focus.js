/* Puts the focus where a reload lost it: on the message of an act that a dialog or form has just done, and on the number
   of rows after a filter, a search or a sort of a list. A page that asks for the focus itself keeps it. */
"use strict";
{
  const KEY = "console.focus";
  const FILTERS = ".filters a, .chips a, thead a, .paginator a, .switch a";

  function remember(wanted) {
    try { sessionStorage.setItem(KEY, wanted); } catch { /* no storage: the focus is where the browser puts it */ }
  }

  function take() {
    try {
      const wanted = sessionStorage.getItem(KEY);
      sessionStorage.removeItem(KEY);
      return wanted;
    } catch { return null; }
  }

  document.addEventListener("click", ({ target }) => { if (target.closest?.(FILTERS)) remember("rows"); });
  document.addEventListener("submit", ({ target }) => {
    if (document.body.classList.contains("login")) return; // after signing in, a page begins at its beginning
    if (target.method === "post") remember("message");
    else if (target.closest(".filters, .find")) remember("rows");
  });
  document.addEventListener("console:done", () => remember("message"));

  const wanted = take();
  const messages = () => document.querySelector("main .toast[role=status]:not([hidden]), main h1");
  const found = wanted === "rows" ? document.querySelector("main .chips [role=status]") : wanted && messages();
  const isFree = !document.activeElement || document.activeElement === document.body;
  if (found && isFree && !location.hash && !document.querySelector("main [autofocus]")) {
    found.tabIndex = -1;
    found.focus();
  }
}
