/* The settings: makes inputs where slots stand (Dash has none that a plain form sends), takes to the first fault. */
(() => {
  'use strict';
  function fill(slot) {
    const input = document.createElement('input');
    input.className = 'ss-field';
    for (const [name, value] of Object.entries(JSON.parse(slot.dataset.input))) input.setAttribute(name, value);
    slot.replaceChildren(input);
  }
  function look() {
    for (const slot of document.querySelectorAll('[data-input]')) if (!slot.firstChild) fill(slot);
    const said = document.querySelector('.ss-set-said[tabindex]:not([data-seen])');
    if (said) { said.dataset.seen = '1'; said.focus(); }
  }
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
  look();
})();
