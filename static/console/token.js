/* The value of a new token: *Done* is disabled until the value was copied or selected, which the server is told then.
   The value is removed from the page when the person leaves it. */
"use strict";
{
  let noted = null; // the request that tells the server that the value was copied

  const shown = () => document.querySelector("[data-token]");

  function prepare() {
    const box = shown();
    const form = box?.querySelector("form[data-done]");
    const done = form?.querySelector("button");
    if (!done || done.type === "button") return;
    done.type = "button";
    done.disabled = true;
    done.addEventListener("click", async () => {
      await noted;
      const dialog = box.closest("dialog");
      if (dialog) { dialog.close(); return; }
      wipe();
      location.replace(form.dataset.done);
    });
    box.closest("dialog")?.addEventListener("cancel", warnOnce);
  }

  // A browser closes a dialog after repeated Escapes, whatever the page does, so there is only one warning.
  function warnOnce(event) {
    const box = shown();
    if (!box || box.dataset.taken || box.dataset.warned) return;
    event.preventDefault();
    box.dataset.warned = "true";
    const status = box.querySelector("[data-not-yet]");
    status.textContent = status.dataset.notYet;
  }

  function taken() {
    const box = shown();
    if (!box) return;
    box.dataset.taken = "true";
    box.dataset.after = box.dataset.afterCopy;
    const done = box.querySelector("[data-testid=done]");
    if (done) done.disabled = false;
    const form = box.querySelector("form[data-done]");
    const options = { method: "POST", body: new FormData(form), headers: { "X-Dialog": "asked" }, keepalive: true };
    // If it does not arrive, the list shows the token as not copied until its first use.
    noted ??= fetch(form.action, { ...options, signal: AbortSignal.timeout(5_000) }).catch(() => {});
  }

  function wipe() {
    const field = shown()?.querySelector("#token-value");
    if (!field) return;
    field.value = "";
    field.removeAttribute("value");
    field.remove();
  }

  const isToken = (target) => target instanceof Element && target.closest("[data-token]");
  document.addEventListener("console:shown", prepare);
  document.addEventListener("console:copied", (event) => { if (isToken(event.target)) taken(); });
  document.addEventListener("select", (event) => { if (isToken(event.target)) taken(); });
  addEventListener("pagehide", wipe);
  prepare();
}
