/* The key / goes to *Find a person*, unless somebody is typing; who has it switched off keeps the key (WCAG 2.1.4). */
"use strict";
{
  const KEY = "console.shortcut";
  const field = document.querySelector("[data-shortcut]");
  const button = document.querySelector("[data-shortcut-switch]");
  let isOn = true;
  try { isOn = localStorage.getItem(KEY) !== "off"; } catch { /* storage is closed: the default holds */ }

  function show() {
    button?.setAttribute("aria-pressed", String(isOn));
    field?.parentElement.querySelector("kbd")?.toggleAttribute("hidden", !isOn);
  }

  button?.addEventListener("click", () => {
    isOn = !isOn;
    try { localStorage.setItem(KEY, isOn ? "on" : "off"); } catch { /* then for this page only */ }
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
