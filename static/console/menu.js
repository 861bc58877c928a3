/* Menus are <details>, which open without a script. This one closes them after a click elsewhere or Escape, moves in them
   with the arrow keys, Home and End, and narrows long ones to what is typed into their search box (data-type-ahead). */
"use strict";
{
  const open = () => document.querySelectorAll("details.menu[open]");
  // As the server compares titles: without case and accents.
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const entries = (menu) => [...menu.querySelectorAll(":scope > ul > li:not([hidden]) > :is(a, button)")];

  document.addEventListener("click", (event) => {
    open().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  function narrow(box) {
    const words = folded(box.value).split(/\s+/);
    const rows = [...box.closest("ul").querySelectorAll("li:not(.type-ahead)")];
    for (const row of rows) row.hidden = !words.every((word) => folded(row.textContent).includes(word));
    const count = rows.filter((row) => !row.hidden).length;
    const status = box.parentElement.querySelector("[role=status]");
    status.textContent = count ? `${status.dataset.some} ${count}` : status.dataset.none;
  }

  document.addEventListener("input", ({ target }) => { if (target.matches("[data-type-ahead]")) narrow(target); });

  // The box is focused when its menu opens, and empty again.
  document.addEventListener("toggle", ({ target: menu }) => {
    const box = menu.matches?.("details.menu[open]") && menu.querySelector("[data-type-ahead]");
    if (!box) return;
    box.value = "";
    narrow(box);
    box.parentElement.querySelector("[role=status]").textContent = "";
    box.focus();
  }, true);

  const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

  function move(event, menu) {
    const { key, target } = event;
    const isBox = target.matches("[data-type-ahead]");
    const found = entries(menu);
    if (isBox && key === "Enter") { event.preventDefault(); found[0]?.click(); return; }
    if (!(key in STEPS) || (isBox && key !== "ArrowDown") || (!isBox && target.matches("input, select, textarea"))) return;
    event.preventDefault();
    const at = found.indexOf(document.activeElement) + STEPS[key];
    const box = menu.querySelector("[data-type-ahead]");
    if (at < 0 && key === "ArrowUp" && box) box.focus();
    else found[Math.min(Math.max(at, 0), found.length - 1)]?.focus();
  }

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (menu) move(event, menu);
    if (event.key !== "Escape") return;
    open().forEach((each) => {
      const held = each.contains(document.activeElement);
      each.open = false;
      if (held) each.querySelector("summary").focus();
    });
  });
}
