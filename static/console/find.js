/* The key / moves to *Find a user*, unless somebody is typing or has switched the key off (WCAG 2.1.4). */
"use strict";
{
  const KEY = "console.shortcut";
  const field = document.querySelector("[data-shortcut]");
  const button = document.querySelector("[data-shortcut-switch]");
  let isOn = true;
  try { isOn = localStorage.getItem(KEY) !== "off"; } catch { /* no storage: the key is on */ }

  function show() {
    button?.setAttribute("aria-pressed", String(isOn));
    field?.parentElement.querySelector("kbd")?.toggleAttribute("hidden", !isOn);
  }

  button?.addEventListener("click", () => {
    isOn = !isOn;
    try { localStorage.setItem(KEY, isOn ? "on" : "off"); } catch { /* no storage: the choice is for this page only */ }
    show();
  });

  document.addEventListener("keydown", (event) => {
    if (!isOn || !field || event.key !== field.dataset.shortcut) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.isContentEditable) return;
    if (event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    field.focus();
  });
  show();
}
