/* Takes the first picture (first.py) away in the moment in which the page itself stands there: between two frames, so
   nothing is seen twice and nothing moves. Until then live.js paints it like any page. */
(() => {
  'use strict';
  const picture = document.querySelector('.ss-first'), entry = document.getElementById('react-entry-point');
  if (!picture || !entry) return;
  const MENUS = '.ss-top details, .ss-tabs details';

  function here() { return entry.querySelector('main [class*=ss-p-]'); }
  function swap() {
    if (!here()) return;
    watch.disconnect();
    const menus = entry.querySelectorAll(MENUS), held = document.activeElement;
    picture.querySelectorAll(MENUS).forEach((menu, at) => { if (menu.open && menus[at]) menus[at].open = true; });
    const [ways, own] = [picture, entry].map((root) => [...root.querySelectorAll('a:not(.ss-skip), summary')]);
    const at = ways.indexOf(held);
    picture.remove();
    if (at >= 0 && own[at] && own[at].getAttribute('href') === held.getAttribute('href')) own[at].focus({preventScroll: true});
  }
  const watch = new MutationObserver(swap);
  watch.observe(entry, {childList: true, subtree: true});
})();
