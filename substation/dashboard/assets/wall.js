/* The wall: keeps the screen on where that is allowed, lets the curves take turns while all is normal. A page that
   stands open loads itself anew when another program answers or names and ratings have changed; not while somebody
   types, and no page with forms. Values, ages and lost connections are live.js's work. */
(() => {
  'use strict';
  const TURN_MS = 30000, LOOK_MS = 1000, STILL_MS = 5000;
  let lock = null, turned = Date.now(), moved = 0;

  function here() { return document.querySelector('.ss-p-wall'); }

  async function stayOn() {
    if (!here() || document.hidden || lock || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      lock.addEventListener('release', () => { lock = null; });
    } catch { lock = null; }   // not on this page's address, or the battery is low
  }

  // pages that only show; what is typed or chosen on others would be lost
  const SHOWING = '.ss-p-home, .ss-p-meter, .ss-p-trends, .ss-p-events, .ss-p-health, .ss-p-wall';
  function free() {
    if (!document.querySelector(SHOWING) || document.querySelector('dialog[open]')) return false;
    if (document.activeElement && document.activeElement.matches('main :is(input, select, textarea)')) return false;
    return ![...document.querySelectorAll('main input[type=password]')].some((input) => input.value);
  }

  // the mark comes with live answers only: when it changes, the server has just answered
  function other() {
    const page = document.querySelector('[data-made]'), mark = document.querySelector('.ss-wall-made');
    if (!page || !mark || !mark.textContent) return;
    const now = mark.textContent, html = document.documentElement;
    if (now === page.dataset.made) { html.dataset.program = now; return; }
    if (html.dataset.link !== 'up' || !free()) return;
    try {   // once for each: whatever answers, no page goes round in circles
      if (sessionStorage.getItem('ss-made') === now) return;
      sessionStorage.setItem('ss-made', now);
    } catch { return; }
    location.reload();
  }

  function show(place) {
    for (const kind of ['.ss-wall-curve', '.ss-wall-name']) {
      [...document.querySelectorAll(kind)].forEach((el, at) => el.classList.toggle('ss-on', at === place));
    }
  }
  function turn() {
    const all = [...document.querySelectorAll('.ss-wall-curve')];
    const calm = document.querySelector('.ss-line-state.ss-s-ok');
    const now = all.findIndex((el) => el.classList.contains('ss-on'));
    if (!calm) { if (now > 0) show(0); turned = Date.now(); return; }
    if (all.length < 2 || Date.now() - turned < TURN_MS) return;
    turned = Date.now();
    show((now + 1) % all.length);
  }

  setInterval(() => {
    const wall = here();
    document.documentElement.classList.toggle('ss-still', !!wall && Date.now() - moved > STILL_MS);
    other();
    if (!wall) { turned = Date.now(); if (lock) lock.release(); return; }
    stayOn();
    turn();
  }, LOOK_MS);
  for (const kind of ['pointermove', 'keydown']) window.addEventListener(kind, () => { moved = Date.now(); }, {passive: true});
})();
