/* In a tab that nobody looks at, the day's curves are not asked for (live.js does the same for live values).
   Whoever comes back after more than a minute gets them at once. */
(() => {
  'use strict';
  const LONG_MS = 60000, LOOK_MS = 5000;
  let still = false, since = 0;

  function heed() {
    if (document.hidden === still || !document.querySelector('[id*="day-chart"]')) return;
    if (!window.dash_clientside || !dash_clientside.set_props) return;
    still = document.hidden;
    const props = {disabled: still};
    if (still) since = Date.now();
    else if (Date.now() - since > LONG_MS) props.n_intervals = Date.now();
    dash_clientside.set_props('minute', props);
  }
  document.addEventListener('visibilitychange', heed);
  setInterval(heed, LOOK_MS);   // a tab may be opened behind another one
})();
