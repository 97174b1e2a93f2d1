/* /health: paints its cells and lists anew every few seconds from what the station says of itself; ages count
   on in between. Without an answer, or without a poller, nothing on the page looks as if it were of now.
   Other lines or meters than before: the page is drawn anew. The buttons that probe a meter are here too. */
(() => {
  'use strict';
  const TICK_MS = 1000, EVERY_MS = 2000, OLD_MS = 8000;
  let news = null, gotAt = 0, askedAt = 0, of = null;

  const make = (tag, looks, ...children) => { const el = document.createElement(tag); if (looks) el.className = looks; el.append(...children); return el; };
  const setText = (el, text) => { if (el.textContent !== text) el.textContent = text; };
  function pace() {
    const root = document.querySelector('.ss-page[data-live]');
    return Math.max(EVERY_MS, 1000 * (+(root && root.dataset.every) || 1));
  }

  async function ask(page) {
    askedAt = Date.now();
    let found;
    try {
      const answer = await fetch(page.dataset.health, {headers: {Accept: 'application/json'}, cache: 'no-store', signal: AbortSignal.timeout(6000)});
      if (!answer.ok) return;
      found = await answer.json();
    } catch { return; }
    if (!page.isConnected) return;
    if (found.shape !== page.dataset.shape) {
      if (!document.querySelector('[data-busy]')) location.reload();
      return;
    }
    news = found; gotAt = Date.now();
    paint(page);
  }

  // a row is [sign, words] or [sign, words, whose]
  const note = (sign, words, whose) => make('div', 'ss-finding', make('span', 'ss-i ss-i-' + sign), make('span', '', ...(whose ? [make('b', '', whose), ': '] : []), words));
  function list(page, name, rows) {
    const place = page.querySelector('[data-h-list="' + name + '"]'), seen = JSON.stringify(rows);
    if (!place || place.dataset.seen === seen) return;
    place.dataset.seen = seen;
    place.replaceChildren(...rows.map((row) => (row.length ? note(...row) : make('p', 'ss-muted', row.words))));
  }
  const orElse = (rows, words) => (rows.length ? rows : [{words}]);

  function say(words) {
    const banner = document.getElementById('health-old');
    setText(banner.lastElementChild, words);
    banner.classList.toggle('ss-none', words === '');
  }
  const lostNow = (passed) => passed * 1000 > OLD_MS + pace() || document.documentElement.dataset.link === 'lost';
  function paint(page) {
    const passed = Math.max(0, (Date.now() - gotAt) / 1000), lost = lostNow(passed);
    const was = ssSay('No connection to the station. What stands here was true {age} ago.', {age: window.ssLive.age(passed)});
    if (!news) {  // the page's own words are all there is
      if (!lost) return;
      say(was);
      for (const el of page.querySelectorAll('[data-h]')) el.classList.add('ss-hatched');
      return;
    }
    const old = new Set(news.old), bad = new Set(news.bad);
    say(lost ? was : news.banner);
    for (const el of page.querySelectorAll('[data-h]')) {
      const name = el.dataset.h, words = news.cells[name];
      if (words === undefined) continue;
      const age = news.ages[name];
      setText(el, (lost ? (news.lost[name] || words) : words).replace('{}', window.ssLive.age(age === undefined || age === null ? null : age + passed)));
      el.classList.toggle('ss-hatched', name === 'poller' ? false : lost || old.has(name));
      el.classList.toggle('ss-warn', !lost && !old.has(name) && bad.has(name));
    }
    news.bars.forEach(([share, limit, words], place) => {
      const bar = page.querySelector('[data-h-bar="' + place + '"]');
      if (!bar) return;
      const [used, mark] = bar.firstElementChild.children;
      bar.classList.toggle('ss-none', share === null);
      bar.classList.toggle('ss-h-past', lost || old.has('l' + place + 'f0'));
      used.style.width = (100 * (share || 0)).toFixed(1) + '%';
      mark.style.left = (100 * (limit || 0)).toFixed(1) + '%';
      setText(mark.firstElementChild, words);
    });
    news.notes.forEach((rows, place) => list(page, 'notes' + place, rows));
    list(page, 'findings', orElse(news.findings.map(([name, words]) => ['warn', words, name]), news.unsaid));
    list(page, 'store', news.store);
    list(page, 'copies', news.copies);
    list(page, 'messages', news.messages);
    list(page, 'problems', orElse(news.problems.map((words) => ['warn', words]), ssSay('Nothing.')));
  }

  const probe = (button) => put(button, 'health-said', ssSay('Asking the poller to probe meter {meter} ...', {meter: button.dataset.probe}),
    (progress) => window.substationAsk('probe', {meter: button.dataset.probe}, progress));
  function testMessage(button) {
    const recipient = document.getElementById(button.dataset.messageTest).value;
    return put(button, 'message-said', ssSay('Asking the messenger to send it to {name} ...', {name: recipient}),
      (progress) => window.substationAsk('test', {recipient}, progress, '/api/messages/'));
  }
  async function put(button, place, words0, question) {
    const said = document.getElementById(place);
    button.disabled = true;
    button.dataset.busy = '1';
    said.textContent = words0;
    said.scrollIntoView({block: 'nearest'});
    const answer = await question((now) => { said.textContent = now.words; });
    const words = answer.words[0].toUpperCase() + answer.words.slice(1);
    const clock = document.querySelector('[data-clock]');
    said.textContent = (clock ? clock.textContent + ': ' : '') + words + (/[.!?\u0964]$/.test(words) ? '' : ssSay('.'));
    button.disabled = false;
    delete button.dataset.busy;
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest && event.target.closest('[data-probe]');
    if (button && !button.disabled) probe(button);
    const test = event.target.closest && event.target.closest('[data-message-test]');
    if (test && !test.disabled) testMessage(test);
  });
  function tick() {
    const page = document.querySelector('[data-health]');
    if (!page) { news = of = null; askedAt = 0; return; }
    if (document.hidden) return;
    if (of !== page) { of = page; news = null; gotAt = Date.now(); askedAt = 0; }
    if (Date.now() - askedAt >= pace()) ask(page);
    paint(page);
  }
  setInterval(tick, TICK_MS);
  document.addEventListener('visibilitychange', tick);
})();
