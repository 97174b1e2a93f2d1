/* The wall: keeps the screen on where that is allowed, lets the curves take turns while all is normal, and
   loads itself anew when another program answers. Values, ages and lost connections are live.js's work. */
(() => {
  'use strict';
  const TURN_MS = 30000, LOOK_MS = 1000, STILL_MS = 5000;
  let lock = null, made = '', turned = Date.now(), moved = 0;

  function here() { return document.querySelector('.ss-p-wall'); }

  async function stayOn() {
    if (!here() || document.hidden || lock || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      lock.addEventListener('release', () => { lock = null; });
    } catch { lock = null; }   // not on this page's address, or the battery is low
  }

  // the mark comes with live answers only: when it changes, the server has just answered
  function other() {
    const mark = document.querySelector('.ss-wall-made');
    if (!mark || !mark.textContent) return;
    if (made && made !== mark.textContent && document.documentElement.dataset.link === 'up') { made = ''; location.reload(); return; }
    made = document.documentElement.dataset.program = mark.textContent;
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
    if (!wall) { made = ''; turned = Date.now(); if (lock) lock.release(); return; }
    stayOn();
    other();
    turn();
  }, LOOK_MS);
  for (const kind of ['pointermove', 'keydown']) window.addEventListener(kind, () => { moved = Date.now(); }, {passive: true});
})();
