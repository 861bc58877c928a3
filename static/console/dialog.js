/* Shows the page behind a link or a form marked data-dialog in a native <dialog>.

   With the header X-Dialog the server returns that page without its frame. A 204 with X-Location
   names the page to open next. After any other response the browser does what it would do without
   this script. */
"use strict";
{
  const LINK = "a[data-dialog]";
  let dialog = null;

  async function ask(address, options = {}) {
    const response = await fetch(address, { ...options, headers: { "X-Dialog": "asked" } });
    const next = response.headers.get("X-Location");
    if (next) return { next };
    return response.headers.has("X-Dialog") ? { html: await response.text() } : {};
  }

  function makeDialog(opener) {
    const made = document.createElement("dialog");
    made.setAttribute("aria-labelledby", "dialog-title");
    made.addEventListener("click", (event) => { if (event.target.closest("[data-close]")) made.close(); });
    made.addEventListener("close", () => {
      const next = made.querySelector("[data-after]")?.dataset.after;
      dialog = null;
      made.remove(); // a secret that it showed must not stay in the page
      if (next) document.dispatchEvent(new Event("console:done"));
      if (next) location.replace(next); else opener.focus(); // Safari does not give the focus back by itself
    });
    document.body.append(made);
    return made;
  }

  function show(html, opener) {
    dialog ??= makeDialog(opener);
    dialog.innerHTML = html;
    if (dialog.open) (dialog.querySelector("[autofocus]") ?? dialog.querySelector("button")).focus();
    else dialog.showModal();
    dialog.dispatchEvent(new CustomEvent("console:shown", { bubbles: true }));
  }

  async function follow(answer, opener, withoutScript) {
    let got = {};
    try { got = await answer; } catch { /* no network: the browser shows its own message */ }
    if (got.next) location.assign(got.next);
    else if (got.html) show(got.html, opener);
    else withoutScript();
    return Boolean(got.html);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest(LINK);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.dataset.busy) return;
    link.dataset.busy = "true";
    follow(ask(link.href), link, () => location.assign(link.href)).finally(() => { delete link.dataset.busy; });
  });

  // A form is sent once, however often it is clicked. With data-download this page stays: it may be sent again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || "download" in form.dataset) return;
    if (form.dataset.busy) { event.preventDefault(); return; }
    form.dataset.busy = "true";
    if (!form.matches("[data-dialog]")) return;
    event.preventDefault();
    const body = new FormData(form, event.submitter);
    const opener = event.submitter ?? form;
    follow(ask(form.action, { method: "POST", body }), opener, () => form.submit())
      .then((isShown) => { if (isShown) delete form.dataset.busy; });
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-busy]").forEach((form) => { delete form.dataset.busy; });
  });

  // With this script such a link opens a dialog, so it is announced as a button and the space bar works too.
  for (const link of document.querySelectorAll(LINK)) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-haspopup", "dialog");
    link.addEventListener("keydown", (event) => {
      if (event.key === " ") { event.preventDefault(); link.click(); }
    });
  }
}
