/* The setup guide: saves each tick at once, and marks the steps whose result has arrived. Without this script, or when
   saving fails, the button *Save progress* does it. */
"use strict";
{
  const form = document.getElementById("ticks");
  const line = document.querySelector("[data-seen]");
  const button = form?.querySelector("button");
  const status = form?.querySelector("[role=status]");
  let last = Promise.resolve(); // one after another, as each saves all ticks

  // Shows what differs on the page that came back. The boxes stay: some may have been clicked since, one has the focus.
  async function show(answer) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !page.querySelector("[data-tick]")) throw new Error(answer.status);
    for (const fresh of page.querySelectorAll("[data-tick]")) {
      const shown = document.querySelector(`[data-tick="${fresh.dataset.tick}"]`);
      if (!shown || fresh.querySelector("input") || shown.contains(document.activeElement)) continue;
      if (shown.innerHTML !== fresh.innerHTML) shown.replaceWith(fresh);
    }
  }

  async function save() {
    try {
      await show(await fetch(form.action, { method: "POST", body: new FormData(form) }));
      status.textContent = status.dataset.saved;
    } catch {
      status.textContent = status.dataset.failed;
      button.hidden = false;
      form.classList.add("foot");
    }
  }

  if (form) {
    button.hidden = true;
    form.classList.remove("foot"); // which would be an empty bar
    document.addEventListener("change", (event) => {
      if (event.target.form !== form) return;
      status.textContent = "";
      last = last.then(save);
    });
  }
  if (line) {
    new MutationObserver(() => {
      last = last.then(() => fetch(location.href, { headers: { "X-Live": "asked" } })).then(show).catch(() => {});
    }).observe(line, { childList: true });
  }
}
