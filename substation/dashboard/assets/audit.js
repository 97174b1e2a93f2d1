/* The audit log's form: makes its inputs where slots stand, and leaves empty ones out of the address. */
(() => {
  'use strict';
  function fill(slot) {
    const {ask, name, value, id} = slot.dataset;
    const input = document.createElement('input');
    Object.assign(input, {type: ask, name, value, id, maxLength: 100, autocomplete: 'off', spellcheck: false});
    input.setAttribute('autocapitalize', 'none');
    input.className = 'ss-field';
    slot.replaceChildren(input);
  }
  function look() {
    for (const slot of document.querySelectorAll('[data-ask]')) if (!slot.firstChild) fill(slot);
  }
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches || !form.matches('form[data-audit]')) return;
    for (const input of form.querySelectorAll('input')) if (!input.value.trim()) input.disabled = true;
  });
  window.addEventListener('pageshow', () => {
    for (const input of document.querySelectorAll('form[data-audit] input')) input.disabled = false;
  });
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
  look();
})();
