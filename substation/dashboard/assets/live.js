/* Paints live values into whatever page is there. Each second it asks /api/live for what the page shows
   (its quantities, its meters, its groups of parts) and paints the answer through one function, paint().
   It holds no rules: how a number is written, where a bar begins, what a state is called, all that
   stands in the page's data- attributes or comes with the answer. What it adds is time: ages go on
   counting, and after three seconds without an answer everything is old and says so. Through a tunnel it asks
   less often (data-every, in seconds): then values turn late and stale by their age between two answers, and
   the state line says how long ago it was true. */
(() => {
  'use strict';
  const TICK_MS = 1000, OLD_MS = 3000, GIVE_UP_MS = 2500, ENDED_MS = 5000;
  const THIN = '\u202f', MINUS = '\u2212', DASH = '\u2014';
  let answer = null;        // the last answer
  let byId = {};            // its meters
  let parts = {};           // by group: {mark, parts}
  let gotAt = null;         // when it came: {mono, wall}
  let asked = '';           // what was asked for last
  let page = null;          // what is to be painted; gathered anew when the page has changed
  let askedAt = null;       // when it was asked for
  let underWay = false, again = false, refused = '', paintSoon = false;
  let ended = '', endedAt = null;   // what the station says of a login that has ended, and when it said so
  let touched = false;              // whether somebody was at this page since it asked last
  let past = '';            // in words how long ago the answer was true, when that is worth saying
  let passed = 0;           // how long ago it came, in seconds
  let ranAt = stamp(), heldTill = 0; // when this ran last; until when it is not the station that is late but this page
  const began = stamp();

  // how often is asked, how long an answer may take, and when what stands here is old, all in ms
  function pace() {
    const every = Math.max(1, +(root() ? root().dataset.every : 1) || 1) * 1000;
    const tens = every + 10 * TICK_MS, times = every / TICK_MS;
    return {every, giveUp: Math.min(GIVE_UP_MS * times, 10 * TICK_MS), old: Math.min(OLD_MS * times, tens)};
  }

  function stamp() { return {mono: performance.now(), wall: Date.now()}; }
  // a sleeping machine may stop the monotonic clock: the longer of the two counts
  function since(then) { return Math.max(performance.now() - then.mono, Date.now() - then.wall, 0); }

  /* numbers and ages: twins of format.py, held together by tests/browser */
  function number(value, decimals) {
    if (value === null || value === undefined || !isFinite(value)) return DASH;
    const digits = Math.abs(value).toFixed(decimals);
    const [whole, rest] = digits.split('.');
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, THIN) + (rest === undefined ? '' : '.' + rest);
    return value < 0 && /[1-9]/.test(digits) ? MINUS + grouped : grouped;
  }
  function age(seconds) {
    if (seconds === null || seconds === undefined) return DASH;
    const s = Math.max(seconds, 0);
    if (s < 10) return (Math.floor(s * 10) / 10).toFixed(1) + ' s';
    for (const [size, unit] of [[86400, 'd'], [3600, 'h'], [60, 'min']]) if (s >= size) return Math.floor(s / size) + ' ' + unit;
    return Math.floor(s) + ' s';
  }
  function freshnessWords(freshness, seconds) {
    if (freshness === 'fresh') return age(seconds);
    if (freshness === 'never' || seconds === null || seconds === undefined) return say('never answered');
    return freshness === 'late' ? say('late {age}', {age: age(seconds)}) : say('stale {age}', {age: age(seconds)});
  }

  /* the page; its language: what is said here by itself stands on it, by its English (browser_words.py) */
  let told = null, toldIn = '';
  function say(english, values = {}) {
    const written = (root() || {dataset: {}}).dataset.words || '{}';
    if (written !== toldIn) { toldIn = written; told = JSON.parse(written); }
    return (told && told[english] || english).replace(/\{(\w+)\}/g, (place, name) => name in values ? values[name] : place);
  }
  window.ssSay = say;  // for the other scripts, which say little
  function root() { return document.querySelector('.ss-page[data-live]'); }
  function all(selector) { return [...document.querySelectorAll(selector)].filter((el) => !el.closest('[data-still]')); }
  function gathered() {
    if (!page) {
      const numbers = all('[data-q]');
      page = {
        values: numbers.filter((el) => !('low' in el.dataset)), bars: numbers.filter((el) => 'low' in el.dataset),
        ages: all('[data-age]'), parts: all('[data-p], [data-k], [data-w], [data-ago], [data-s]'), nows: all('[data-now]'),
      };
      page.want = wanted(numbers);
      page.asks = JSON.stringify(page.want);
    }
    return page;
  }
  let rules = null;
  function looks() {
    if (!rules) { const at = root(); rules = {by: JSON.parse(at.dataset.looks), order: JSON.parse(at.dataset.order)}; }
    return rules;
  }
  function setText(el, text) { if (el.textContent !== text) el.textContent = text; }
  function setClass(el, name) { const tidy = name.trim(); if (el.className !== tidy) el.className = tidy; }

  function wanted(numbers) {
    const keys = new Set(), meters = new Set(), groups = new Set();
    for (const el of numbers) el.dataset.q.split(' ').forEach((key) => keys.add(key));
    for (const el of all('[data-m]')) meters.add(el.dataset.m);
    for (const el of all('[data-g]')) if (el.dataset.g) groups.add(el.dataset.g);
    return {keys: [...keys].sort(), meters: [...meters].sort((a, b) => a - b), groups: [...groups].sort()};
  }

  async function ask() {
    const at = root();
    if (!at || document.hidden) return;
    if (underWay) { again = true; return; }
    if (ended && since(endedAt) < ENDED_MS) return;
    underWay = true;
    askedAt = stamp();
    const {want, asks} = gathered();
    asked = asks;
    const held = want.groups.map((name) => name + ':' + (parts[name] ? parts[name].mark : '0')).join(',');
    const address = at.dataset.live + '?keys=' + want.keys.join(',') + '&meters=' + want.meters.join(',') + '&screen=' + held;
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), pace().giveUp);
    const headers = {Accept: 'application/json'}, byHand = touched;
    if (byHand) headers['X-Touched'] = '1';
    touched = false;
    try {
      const reply = await fetch(address, {signal: stop.signal, cache: 'no-store', headers});
      if (reply.ok) {
        take(await reply.json());
      } else {
        if (reply.status === 401) { ended = (await reply.json()).ended || say('The login has ended.'); endedAt = stamp(); }
        refused = say('The dashboard answers with error {code}.', {code: reply.status});
      }
    } catch { refused = ''; touched = touched || byHand; } finally {
      clearTimeout(late);
      underWay = false;
      paint();
      if (again) { again = false; ask(); }
    }
  }

  function take(reply) {
    answer = reply;
    gotAt = stamp();
    refused = ended = '';
    for (const el of document.querySelectorAll('.ss-first-at')) el.remove();   // what stands there is of now
    byId = Object.fromEntries(reply.meters.map((meter) => [String(meter.id), meter]));
    for (const [name, news] of Object.entries(reply.screen || {})) {
      const held = parts[name];
      if (!news.onto) parts[name] = news;
      // what has not changed is not sent again; should it be gone here, it is asked for whole
      else if (held && held.mark === news.onto) parts[name] = {mark: news.mark, parts: {...held.parts, ...news.parts}};
      else delete parts[name];
    }
  }

  /* painting */
  function paint() {
    if (!root()) return;
    // held up by other scripts for so long, an answer may lie here unread: ages grow, but nobody says "no connection" yet
    if (since(ranAt) > 2 * TICK_MS) heldTill = performance.now() + 2 * TICK_MS;
    ranAt = stamp();
    const waited = since(gotAt || began);
    const lost = document.hidden || ended !== '' || (waited > pace().old && performance.now() > heldTill);
    paintWayIn();
    if (!gotAt && !lost) return;   // nothing has come yet: what the station drew stands, and its style sheet ages it
    passed = gotAt ? since(gotAt) / 1000 : 0;
    past = passed * 1000 > OLD_MS && performance.now() > heldTill ? age(passed) : '';
    for (const meter of Object.values(byId)) meter.now = grown(meter.freshness, meter.age_s, answer.limits);
    const now = gathered();
    for (const el of now.values) paintValue(el, lost);
    for (const el of now.bars) paintBar(el, lost);
    for (const el of now.ages) paintAge(el, lost);
    for (const el of now.parts) paintPart(el, lost);
    paintClock();
    document.documentElement.dataset.link = lost ? 'lost' : 'up';
  }

  function mean(el) {
    const meter = byId[el.dataset.m];
    if (!meter) return null;
    const keys = el.dataset.q.split(' ');
    const found = keys.map((key) => meter.values[key]);
    if (found.some((value) => value === undefined)) return null;
    const order = looks().order;
    let look = found.map((value) => looks().by[value.quality] || 'bad').reduce((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a));
    if (found.some((value) => value.value === null)) return {value: null, look: look === 'fresh' || look === 'late' ? 'never' : look};
    let sum = 0;
    for (const value of found) sum += value.value;
    return {value: sum / found.length, look, now: found.map((value) => ripeness(meter, value)).reduce(older)};
  }
  const RIPE = ['fresh', 'late', 'stale'];
  function older(a, b) { return RIPE[Math.max(RIPE.indexOf(a), RIPE.indexOf(b))]; }
  // the station's own limits (s) go on counting here: what was fresh when it came need not be so any more
  function grown(freshness, age, limits) {
    if (!RIPE.includes(freshness) || age === null || !limits) return freshness;
    const by = limits.findIndex((limit) => age + passed <= limit);
    return older(freshness, RIPE[by < 0 ? 2 : by]);
  }
  // a value with an age of its own, as energies have, is judged by that, and most of them by slower limits
  function ripeness(meter, value) {
    if (value.age_s === undefined) return meter.now;
    const look = looks().by[value.quality];
    const from = RIPE.includes(look) ? look : meter.freshness === 'stale' ? 'stale' : 'fresh';
    return older(grown(from, value.age_s, value.fast ? answer.limits : answer.slow), meter.now === 'stale' ? 'stale' : 'fresh');
  }
  function aged(look, lost, now) {
    if (look !== 'fresh' && look !== 'late') return look;
    return lost ? 'stale' : older(look, now);
  }
  function ageClass(el) { setClass(el, el.className.replace(/ss-is-(fresh|late)/, 'ss-is-stale').replace(/ ss-outside/, '')); }

  function paintValue(el, lost) {
    const found = mean(el);
    if (!found) { if (lost) ageClass(el); return; }
    const data = el.dataset, look = aged(found.look, lost, found.now);
    let name = 'ss-v ss-is-' + look;
    if ('min' in data && (look === 'fresh' || look === 'late') && (found.value < +data.min || found.value > +data.max)) name += ' ss-outside';
    const none = found.value === null || ('zero' in data && found.value === 0);
    const value = none ? null : found.value / +data.scale;
    setText(el.firstElementChild, number(value, +data.decimals));
    setClass(el, name);
  }

  function paintBar(el, lost) {
    const found = mean(el), data = el.dataset;
    if (!found) { if (lost) ageClass(el); return; }
    const look = aged(found.look, lost, found.now);
    if (found.value === null || look === 'bad' || look === 'never') { setClass(el, data.base + ' ss-is-none'); return; }
    const low = +data.low, size = Math.abs(found.value);
    const at = Math.min(Math.max((low >= 0 ? size : found.value) - low, 0) / (+data.high - low), 1);
    let extra = '';
    if (look !== 'stale') {
      if ('min' in data && (found.value < +data.min || found.value > +data.max)) extra = ' ss-out';
      else if ('alarm' in data && size > +data.alarm) extra = ' ss-alarm';
      else if ('warn' in data && size > +data.warn) extra = ' ss-warn';
    }
    const place = (at * 100).toFixed(1) + '%';
    if (el.style.getPropertyValue('--at') !== place) el.style.setProperty('--at', place);
    setClass(el, data.base + ' ss-is-' + look + extra);
  }

  function paintAge(el, lost) {
    const meter = byId[el.dataset.m], own = meter && meter.values[el.dataset.age];
    if (!meter) { // no answer has come yet: how old the page's own figure is by now, nobody here knows
      if (lost) { const told = /ss-is-(stale|never)/.test(el.className); ageClass(el); if (!told) setText(el.firstElementChild, say('stale')); }
      return;
    }
    const none = own && own.value === null && (looks().by[own.quality] === 'never');
    const seconds = own && own.age_s !== undefined ? own.age_s : meter.age_s;
    const freshness = none ? 'never' : own ? aged(ripeness(meter, own), lost, 'fresh') : aged(meter.freshness, lost, meter.now);
    setText(el.firstElementChild, none && meter.freshness !== 'never' ? '' : freshnessWords(freshness, seconds === null ? null : seconds + passed));
    setClass(el, 'ss-age ss-is-' + freshness);
  }

  function paintPart(el, lost) {
    const data = el.dataset, name = data.p || data.k || data.w || data.ago || data.s;
    const held = parts[data.g] && parts[data.g].parts[name];
    let [text, look] = held || [el.textContent, data.base === undefined ? '' : el.className.slice(data.base.length).trim()];
    if (lost) [text, look] = old(data.g, name, text, look);
    else if (held) [text, look] = sinceThen(data.g, name, text, look);
    if ('ago' in data && held) text = age(Math.max((Date.parse(answer.at) - +held[0]) / 1000, 0) + passed);
    if ('s' in data) draw(el, text);
    else if (!data.k) setText(el, text);
    if (!data.w) setClass(el, (data.base || '') + ' ' + look);
  }

  // what is drawn by custom properties: "--a:18;--l:62"
  function draw(el, text) {
    for (const pair of text.split(';')) {
      const at = pair.indexOf(':'), key = pair.slice(0, at), value = pair.slice(at + 1);
      if (key.startsWith('--') && el.style.getPropertyValue(key) !== value) el.style.setProperty(key, value);
    }
  }

  /* what a part says some seconds after it was true: its words stand, and no longer as fresh ones */
  function sinceThen(group, name, text, look) {
    if (group[0] === 'm' && /\d/.test(group)) {
      const now = (byId[group.slice(1)] || {}).now;
      if (now !== 'late' && now !== 'stale') return [text, look];
      return [text, look.replace('ss-q-fresh', 'ss-q-' + now).replace('ss-is-fresh', now === 'stale' ? 'ss-is-stale' : 'ss-is-fresh')];
    }
    if (/^[ud]\d/.test(group)) {   // what the station itself calls stale looks so already, and says why
      const {now, freshness} = byId[group.slice(1)] || {};
      return now === 'stale' && freshness !== 'stale' ? old(group, name, text, look) : [text, look];
    }
    const held = Object.values(byId);
    if (group === 'station' && held.length && held.every((meter) => meter.now === 'stale')) return old(group, name, text, look);
    if (group !== 'line' || !past) return [text, look];
    if (name === 'title') return [say('{title} {age} ago', {title: text, age: past}), look];
    return [/^t\d$/.test(name) && text === say('meters fresh') ? say('meters were fresh') : text, look];
  }

  /* what a part says when the station cannot be reached: nothing that was true then is claimed to be true now */
  function old(group, name, text, look) {
    if (group === 'line') return oldLine(name, text, look);
    if (group === 'bus') return name === 'bus' ? ['', 'ss-w-unknown'] : [text, look];
    if (group[0] === 'm' && /\d/.test(group)) {
      if (name === 'wire') return ['', look.replace(/ss-w-\w+/, 'ss-w-unknown').replace(/ss-q-(fresh|late)/, 'ss-q-stale').replace(' ss-idle', '')];
      if (name === 'swatch') return ['', 'ss-w-unknown'];
      if (name === 'state') return [say('Unknown'), look];
      if (name === 'tag' || name === 'since') return ['', 'ss-none'];
      return [text, look.replace('ss-is-fresh', 'ss-is-stale').replace(/ss-q-(fresh|late)/, 'ss-q-stale')];
    }
    if (name === 'box' && group[0] === 'u') return ['', 'ss-q-stale'];
    if (group === 'station' && name[0] === 'l') return [text, look];
    if (group === 'sum' && /^(ok|fail|comm|unk)$/.test(name)) return [DASH, ''];
    if (group === 'sum') return [name.endsWith('n') ? '' : text, name.endsWith('c') ? look.replace(/ss-(alarm|warn)/, '') : look];
    return [text, text === '' || look.includes('ss-hatched') ? look : 'ss-hatched'];
  }
  function trying() { const every = pace().every; return every > 1000 ? say('Trying again every {seconds} s.', {seconds: every / 1000}) : say('Trying again every second.'); }
  function oldLine(name, text, look) {
    const lost = gotAt ? say('No connection to the station since {time}', {time: clockText(gotAt.wall + drift())}) : say('No connection to the station');
    const [what, ...how] = (ended || lost).replace(/([.।]) /g, '$1\n').split('\n');
    switch (name) {
      case 'kind': return ['', 'ss-s-blind'];
      case 'icon': return ['', 'ss-i-blind'];
      case 'title': return [what.replace(/[.।]$/, ''), ''];
      case 'spoken': return [(ended || say('No connection to the station') + '.') + ' ' + say('Every value is old.'), ''];
      case 'detail': return [((ended ? how.join(' ') : refused || trying()) + ' ' + say('Every value here is old.')).trim(), ''];
      case 'al': return ['', 'ss-al-blind'];
      case 'alarms': return [say('Alarms: not known'), ''];
      default: return name === 'urgent' || /^f\d$/.test(name) ? ['', 'ss-none'] : [text, look];
    }
  }

  /* the way back in is a link: going to a page is what makes a browser ask for the password */
  function paintWayIn() {
    document.documentElement.dataset.login = ended ? 'ended' : 'open';
    const address = location.pathname + location.search;
    for (const link of document.querySelectorAll('[data-do="login"]')) if (link.getAttribute('href') !== address) link.setAttribute('href', address);
  }

  /* the site's clock: the station's time, carried on by this machine */
  let clockOf = null, dayOf = null, drifted = 0;
  function drift() { if (answer && gotAt) drifted = Date.parse(answer.at) - gotAt.wall; return drifted; }
  function clockText(wall) { formats(); return clockOf ? clockOf.format(new Date(wall)) : ''; }
  function formats() {
    if (clockOf || !root()) return;
    const zone = root().dataset.zone;
    try {
      clockOf = new Intl.DateTimeFormat('en-GB', {timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
      dayOf = new Intl.DateTimeFormat('en-GB', {timeZone: zone, weekday: 'short', day: 'numeric', month: 'short', year: 'numeric'});
    } catch { clockOf = null; }
  }
  function paintClock() {
    formats();
    if (!answer || !clockOf) return;
    const now = Date.parse(answer.at) + passed * 1000;
    const time = clockOf.format(now);
    for (const el of document.querySelectorAll('[data-clock]')) setText(el, time);
    const piece = Object.fromEntries(dayOf.formatToParts(now).map((part) => [part.type, part.value]));
    const day = `${say(piece.weekday)} ${piece.day} ${say(piece.month.slice(0, 3))} ${piece.year}, ${root().dataset.zoneName}`;
    for (const el of document.querySelectorAll('[data-day]')) setText(el, day);
    const [h, m, s] = time.split(':').map(Number);
    const place = ((h * 3600 + m * 60 + s) / 864).toFixed(2) + '%';
    for (const el of gathered().nows) if (el.style.getPropertyValue('--l') !== place) el.style.setProperty('--l', place);
  }

  /* when */
  function soon() {
    if (paintSoon) return;
    paintSoon = true;
    requestAnimationFrame(() => {
      paintSoon = false;
      if (root() && gathered().asks !== asked) ask();
      if (answer) paint();
    });
  }
  // React replaces parts of the page: what it brings is painted at once, and asked for if it is new
  new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes, ...change.removedNodes].some((node) => node.nodeType === 1))) { page = null; soon(); }
  }).observe(document.body, {childList: true, subtree: true});
  document.addEventListener('visibilitychange', () => { ranAt = stamp(); if (document.hidden) paint(); else ask(); });
  window.addEventListener('online', ask);
  // a page that the browser kept for its Back button is of the past, and perhaps of somebody else
  window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
  // moving the pointer is no touch: a desk that shakes moves it too
  for (const kind of ['keydown', 'pointerdown', 'touchstart', 'wheel']) {
    window.addEventListener(kind, (event) => { if (event.isTrusted) touched = true; }, {capture: true, passive: true});
  }
  setInterval(() => {
    if (document.hidden) return;
    const every = pace().every;
    if (every <= TICK_MS || !askedAt || since(askedAt) > every - TICK_MS / 2) ask();
    if (!gotAt || since(gotAt) > 1.5 * TICK_MS) paint();   // an answer paints by itself
  }, TICK_MS);

  ask();   // where the first picture stands, values are live before Dash is there

  window.ssLive = {number, age, freshnessWords};
})();
