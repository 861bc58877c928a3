/* A form with data-confirm: its red button is disabled until exactly that text is in the field `title`.
   The server checks it too. */
"use strict";
{
  function prepare(form) {
    const button = form.querySelector("button.bad");
    const plain = (text) => text.trim().split(/\s+/).join(" ");
    const check = () => { button.disabled = plain(form.elements.title.value) !== plain(form.dataset.confirm); };
    form.elements.title.addEventListener("input", check);
    check();
  }
  const prepareAll = (event) => event.target.querySelectorAll("form[data-confirm]").forEach(prepare);
  document.addEventListener("console:shown", prepareAll);
  prepareAll({ target: document });
}
