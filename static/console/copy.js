/* Copy buttons: data-copy names the field, data-status the live region that shows the result. */
"use strict";
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const status = document.getElementById(button.dataset.status);
  let said = button.dataset.copied;
  try {
    await navigator.clipboard.writeText(field.value); // absent on plain http, and may be refused
    field.dispatchEvent(new CustomEvent("console:copied", { bubbles: true }));
  } catch {
    field.focus();
    field.select();
    said = button.dataset.manual;
  }
  status.textContent = "";
  requestAnimationFrame(() => { status.textContent = said; }); // so that the same words are announced again
});
