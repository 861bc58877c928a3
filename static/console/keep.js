/* A form that was sent after the session had ended is kept in this tab and offered after sign-in.

   What is filled in is in sessionStorage from the moment it is sent until the next page. Only the sign-in page of a
   session that has ended (data-session-lost) keeps it for longer. It is offered to the account that sent it, and to
   no other. Never kept: passwords, codes, files, hidden fields, and fields with data-secret. */
"use strict";
{
  const KEY = "console.kept";
  const MOST = 200_000; // characters
  const account = document.querySelector("meta[name=account]")?.content;
  const path = (address) => new URL(address, location.href).pathname;

  function read() {
    try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; }
  }

  function keep(kept) {
    try {
      const text = JSON.stringify(kept);
      if (kept && text.length <= MOST) sessionStorage.setItem(KEY, text); else sessionStorage.removeItem(KEY);
    } catch { /* no storage: nothing is kept */ }
  }

  // What a settings form had shown (seen-…) is kept too, so that changes of others are still noticed.
  const isKept = (field) => field.name && !field.matches("[data-secret], [autocomplete=one-time-code], button")
    && !["password", "file", "submit", "button", "reset"].includes(field.type)
    && (field.type !== "hidden" || field.name.startsWith("seen-"));
  const hasState = (field) => field.type === "checkbox" || field.type === "radio";
  const valuesOf = (form) => [...form.elements].filter(isKept)
    .map((field) => [field.name, field.value, hasState(field) ? field.checked : null]);

  document.addEventListener("submit", ({ target: form }) => {
    if (form.method !== "post" || !account) return;
    const values = valuesOf(form);
    if (values.length) keep({ account, action: path(form.action), values });
    else if (form.id === "logout-form") keep(null);
  }, true);

  const formOf = (kept) => [...document.forms].find((form) => form.method === "post"
    && path(form.action) === kept.action && valuesOf(form).length);

  function fill(form, values) {
    for (const [name, value, state] of values) {
      for (const field of [...form.elements].filter((one) => one.name === name && isKept(one))) {
        if (state !== null && field.value !== value) continue;
        if (state === null) field.value = value; else field.checked = state;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
    form.querySelector("input:not([type=hidden], .visually-hidden), textarea, select")?.focus();
  }

  function offer(kept) {
    const box = document.querySelector("[data-kept]");
    if (!box) return;
    box.hidden = false;
    box.querySelector("[data-kept-discard]").addEventListener("click", () => { keep(null); box.hidden = true; });
    box.querySelector("[data-kept-fill]").addEventListener("click", () => {
      const form = formOf(kept);
      if (!form) { keep({ ...kept, isWanted: true }); location.assign(kept.action); return; }
      keep(null);
      box.hidden = true;
      fill(form, kept.values);
    });
  }

  const kept = read();
  const lost = document.querySelector("[data-session-lost]");
  if (kept && lost) {
    keep({ ...kept, isLost: true });
    document.querySelector("[data-kept-note]").hidden = false;
  } else if (kept && account) {
    const isOurs = kept.isLost && kept.account === account;
    const form = isOurs && kept.isWanted ? formOf(kept) : null;
    if (!isOurs || kept.isWanted) keep(null);
    if (form) fill(form, kept.values); else if (isOurs && !kept.isWanted) offer(kept);
  }
}
