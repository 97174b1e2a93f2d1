/* The sound of alarms, made here without any file, and their number in the title of the tab.
   What asks somebody stands on the page (group `ring`) and is painted anew by live.js each second. It sounds in
   this browser only after somebody has turned it on there, and after a reload once anything was pressed: browsers
   demand that. A silence is for the alarms that ask now; one that comes new sounds all the same. Where alarms are
   not watched, or the station cannot be reached for ten seconds, that has a sound of its own.
   A tab that nobody looks at is not repainted: with the sound on it asks by itself every five seconds, its time told
   by a worker, since browsers slow down the clocks of hidden tabs; without sound once a minute, for its title. Of
   several tabs one sounds. */
(() => {
  'use strict';
  const KEY = 'ss-sound', TAB = 'ss-sound-tab', ME = String(Math.random());
  const TICK_MS = 1000, BLIND_MS = 10000, LOUD_MS = 5000, QUIET_MS = 60000, OTHER_MS = 3500;
  const ORDER = ['high', 'medium', 'low', 'blind'];
  // notes as [Hz, begins after s, lasts s]; repeated after so many ms for as long as it asks
  const SOUNDS = {
    high: {every: 3000, notes: [[880, 0, 0.16], [660, 0.2, 0.16], [880, 0.4, 0.16], [660, 0.6, 0.16]]},
    medium: {every: 10000, notes: [[660, 0, 0.25], [660, 0.4, 0.25]]},
    low: {every: 60000, notes: [[520, 0, 0.4]]},
    blind: {every: 20000, notes: [[330, 0, 0.35], [220, 0.45, 0.6]]},
  };
  let known = null;       // what asks somebody, as it was told last; null: the station cannot be reached
  let seen = null;        // the same while the alarms were watched
  let blindAt = 0;        // since when they are not
  let rung = new Set(), rungAt = 0;
  let context = null, pressed = false, worker = null, askedAt = 0, underWay = false;
  let memory = '{}';      // where this browser keeps nothing

  function stored(key) { try { return localStorage.getItem(key); } catch { return key === KEY ? memory : null; } }
  function store(key, value) { if (key === KEY) memory = value; try { localStorage.setItem(key, value); } catch { /* as long as the page */ } }
  function held() {
    try { const found = JSON.parse(stored(KEY) || '{}'); return {on: found.on === true, hush: found.hush || {}}; } catch { return {on: false, hush: {}}; }
  }
  function root() { return document.querySelector('.ss-page[data-live]'); }
  function parsed(text) { try { return JSON.parse(text); } catch { return null; } }

  function read() {
    const told = document.querySelector('.ss-sound [data-s="ring"]');
    known = told && document.documentElement.dataset.link !== 'lost' ? parsed(told.style.getPropertyValue('--ring')) : null;
  }
  async function ask(now, on) {
    const at = root();
    const every = Math.max(on ? LOUD_MS : QUIET_MS, (at ? +at.dataset.every || 1 : 1) * 1000);
    if (!at || underWay || now - askedAt < every) return;
    [askedAt, underWay] = [now, true];
    const stop = new AbortController(), late = setTimeout(() => stop.abort(), 10000);
    try {
      const reply = await fetch(at.dataset.live + '?keys=&meters=&screen=ring:0', {signal: stop.signal, cache: 'no-store', headers: {Accept: 'application/json'}});
      known = reply.ok ? parsed((await reply.json()).screen.ring.parts.ring[0].replace('--ring:', '')) : null;
    } catch { known = null; } finally { clearTimeout(late); underWay = false; }
  }

  /* sound */
  function able() { return Boolean(window.AudioContext || window.webkitAudioContext); }
  function ready() {
    if (!pressed || !able()) return false;
    if (!context) context = new (window.AudioContext || window.webkitAudioContext)();
    if (context.state !== 'running') context.resume();
    return context.state === 'running';
  }
  function play(kind) {
    if (!ready()) return false;
    for (const [pitch, from, lasts] of SOUNDS[kind].notes) {
      const tone = context.createOscillator(), level = context.createGain(), at = context.currentTime + 0.05 + from;
      tone.type = 'triangle';
      tone.frequency.value = pitch;
      level.gain.setValueAtTime(0, at);   // from nothing and back to it: a hard edge clicks
      level.gain.linearRampToValueAtTime(0.4, at + 0.02);
      level.gain.setValueAtTime(0.4, at + lasts - 0.03);
      level.gain.linearRampToValueAtTime(0, at + lasts);
      tone.connect(level).connect(context.destination);
      tone.start(at);
      tone.stop(at + lasts);
    }
    return true;
  }
  // of several tabs of this browser the one that said so last goes on
  function mine(now) {
    const other = parsed(stored(TAB) || 'null');
    if (other && other.tab !== ME && Math.abs(now - other.at) < OTHER_MS) return false;
    store(TAB, JSON.stringify({tab: ME, at: now}));
    return true;
  }
  function ring(loud, now) {
    const kind = ORDER.find((name) => loud.some(([, own]) => own === name)) || 'low';
    const isNew = loud.some(([id]) => !rung.has(id));
    if (!isNew && now - rungAt < SOUNDS[kind].every) return;
    if (play(kind)) { rungAt = now; rung = new Set(loud.map(([id]) => id)); }
  }

  function tick() {
    const now = Date.now(), {on, hush} = held();
    if (document.hidden) ask(now, on); else read();
    if (known && known.asks) { seen = known; blindAt = 0; } else if (!blindAt) blindAt = now;
    const blind = blindAt > 0 && now - blindAt >= BLIND_MS;
    const asks = blind ? [['blind', 'blind']] : seen ? seen.asks : [];
    if (!blindAt) {   // what asks nobody any more was silenced for that time only
      const kept = Object.fromEntries(Object.entries(hush).filter(([id]) => asks.some(([own]) => own === id)));
      if (Object.keys(kept).length < Object.keys(hush).length) store(KEY, JSON.stringify({on, hush: kept}));
    }
    const loud = asks.filter(([id]) => !(hush[id] < 0 || hush[id] > now));
    rung = new Set([...rung].filter((id) => loud.some(([own]) => own === id)));
    name(blind ? '?' : seen && seen.n ? seen.n : '');
    paint(on, asks, loud, hush, blind);
    if (on && ready() && mine(now) && loud.length) ring(loud, now);
    const away = document.hidden && on;
    if (away && !worker) {
      const source = URL.createObjectURL(new Blob([`setInterval(() => postMessage(0), ${TICK_MS})`], {type: 'text/javascript'}));
      worker = new Worker(source);
      worker.onmessage = tick;
    } else if (!away && worker) { worker.terminate(); worker = null; }
  }
  function name(mark) {
    const plain = document.title.replace(/^\((\d+|\?)\) /, ''), wanted = mark === '' ? plain : `(${mark}) ${plain}`;
    if (document.title !== wanted) document.title = wanted;
  }

  /* the menu */
  function say(english, values) { return window.ssSay ? window.ssSay(english, values) : english; }
  function clock(ms) {
    const at = root();
    return new Intl.DateTimeFormat('en-GB', {timeZone: at ? at.dataset.zone : undefined, hour: '2-digit', minute: '2-digit', hourCycle: 'h23'}).format(ms);
  }
  function setText(el, text) { if (el && el.textContent !== text) el.textContent = text; }
  function paint(on, asks, loud, hush, blind) {
    const menu = document.querySelector('.ss-sound');
    if (!menu) return;
    const waits = on && !(context && context.state === 'running'), quiet = on && asks.length > 0 && loud.length === 0;
    const until = quiet ? Math.min(...asks.map(([id]) => (hush[id] < 0 ? Infinity : hush[id]))) : Infinity;
    const state = !able() ? 'none' : !on ? 'off' : waits ? 'waits' : quiet ? 'hushed' : 'on';
    const short = {
      none: () => say('Sound off'), off: () => say('Sound off'), waits: () => say('Sound waits for a press'), on: () => say('Sound on'),
      hushed: () => (until < Infinity ? say('Silenced until {time}', {time: clock(until)}) : say('Silenced')),
    }[state]();
    const long = {
      none: say('This browser cannot sound.'),
      off: say('Off. Browsers let a page sound only after a press: turn it on here. It holds in this browser.'),
      waits: say('It cannot sound yet: since the page was loaded nothing was pressed on it. Press anywhere.'),
      hushed: say('The alarms that ask now are silent here; a new one sounds.'),
      on: blind ? say('The alarms are not watched, or the station cannot be reached: that has a sound of its own.') : say('On. It sounds for each alarm that nobody has acknowledged, by its priority.'),
    }[state];
    menu.dataset.sound = state;
    setText(menu.querySelector('[data-sound-state]'), short);
    setText(menu.querySelector('[data-sound-words]'), long);
    setText(menu.querySelector('[data-sound-do="switch"]'), on ? say('Turn the sound off') : say('Turn the sound on'));
    for (const button of menu.querySelectorAll('[data-sound-do="hush"]')) button.disabled = !on || loud.length === 0;
    for (const button of menu.querySelectorAll('[data-sound-do="switch"], [data-sound-do="test"]')) button.disabled = !able();
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-sound-do]');
    if (!button) return;
    const {on, hush} = held(), now = Date.now(), value = button.dataset.value;
    pressed = true;
    if (button.dataset.soundDo === 'switch') store(KEY, JSON.stringify({on: !on, hush: on ? {} : hush}));
    if (button.dataset.soundDo === 'hush') {
      const asks = blindAt > 0 && now - blindAt >= BLIND_MS ? [['blind']] : seen ? seen.asks : [];
      const for_ = +value > 0 ? now + +value * 60000 : -1;
      store(KEY, JSON.stringify({on, hush: {...hush, ...Object.fromEntries(asks.map(([id]) => [id, for_]))}}));
    }
    if (button.dataset.soundDo === 'test' && !play(value) && context) context.resume().then(() => play(value));
    if (button.dataset.soundDo === 'switch') rung = new Set();
    tick();
  });
  for (const kind of ['pointerdown', 'keydown', 'touchend']) {
    window.addEventListener(kind, (event) => { if (event.isTrusted) { pressed = true; if (held().on) ready(); } }, {capture: true, passive: true});
  }
  window.addEventListener('storage', (event) => { if (event.key === KEY) tick(); });
  document.addEventListener('visibilitychange', () => { askedAt = Date.now(); if (!document.hidden) blindAt = 0; tick(); });
  setInterval(tick, TICK_MS);
})();
