/* In a tab that nobody looks at, neither the day's curves nor new events are asked for (live.js does the same for
   live values). Whoever comes back after longer than such a question rests gets them at once. */
(() => {
  'use strict';
  const LOOK_MS = 5000;
  const ASKING = [{id: 'minute', on: '[id*="day-chart"]', rest: 60000}, {id: 'events-look', on: '#events-before', rest: 10000}];

  function heed() {
    if (!window.dash_clientside || !dash_clientside.set_props) return;
    for (const one of ASKING) {
      const page = document.querySelector(one.on);
      if (page !== one.page) { one.page = page; one.still = false; }   // another page begins with its own clock
      if (!page || document.hidden === one.still) continue;
      one.still = document.hidden;
      const props = {disabled: one.still};
      if (one.still) one.since = Date.now();
      else if (Date.now() - one.since > one.rest) props.n_intervals = Date.now();
      dash_clientside.set_props(one.id, props);
    }
  }
  document.addEventListener('visibilitychange', heed);
  setInterval(heed, LOOK_MS);   // a tab may be opened behind another one
})();
