/* The value of a new token: *Done* is disabled until the value was copied or selected, and the value is removed
   from the page when the person leaves it. */
"use strict";
{
  const shown = () => document.querySelector("[data-token]");

  function prepare() {
    const box = shown();
    const link = box?.querySelector("a[data-done]");
    if (!link) return;
    const done = document.createElement("button");
    done.type = "button";
    done.className = link.className;
    done.textContent = link.textContent;
    done.disabled = true;
    done.dataset.testid = link.dataset.testid;
    const page = link.href;
    done.addEventListener("click", () => {
      const dialog = box.closest("dialog");
      if (dialog) { dialog.close(); return; }
      wipe();
      location.replace(page);
    });
    link.replaceWith(done);
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
  }

  function wipe() {
    const field = shown()?.querySelector("input");
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
