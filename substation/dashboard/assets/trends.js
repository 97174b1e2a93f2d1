/* /trends: the address is the whole state. Whatever is pressed makes a new address; what stands in it is asked
   of the station and drawn (trends-draw.js). While an answer is awaited the old picture stands; when none
   comes it stays, marked as old. The words come from the station. */
(() => {
  'use strict';
  const SOON_MS = 250, GIVE_UP_MS = 20000, ONE_MOVE_MS = 1500, SHORTEST_S = 60, LONGEST_S = 3650 * 86400, PAN = 0.25;
  const NAMES = ['m', 'q', 'from', 'to', 'with', 'range'];
  let page = null, news = null, drawnAs = '', asking = null, timer = 0, renewAt = 0, movedAt = 0, pushed = 0, at = '';

  const {unpack, figure, thin, canvas, make, watch} = window.ssTrends;
  const part = (name) => page.querySelector(`[data-t="${name}"]`);
  const words = () => JSON.parse(page.dataset.words);
  const wanted = () => Object.fromEntries([...new URLSearchParams(location.search)]);
  function show(name, text, ...more) {
    const el = part(name);
    el.replaceChildren(...(text ? [text, ...more] : []));
    el.classList.toggle('ss-none', !text);
  }

  /* asking */
  async function load() {
    if (!page) return;
    clearTimeout(timer);
    if (asking) asking.abort();
    const mine = asking = new AbortController(), asked = location.search;
    const late = setTimeout(() => mine.abort('late'), GIVE_UP_MS);
    part('charts').setAttribute('aria-busy', 'true');
    try {
      const reply = await fetch(page.dataset.trends + asked, {signal: mine.signal, cache: 'no-store', headers: {Accept: 'application/json'}});
      const said = await reply.json();
      if (mine !== asking || !page) return;
      if (reply.ok) take(said); else refused(reply.status === 401 ? words().ended : said.error, reply.status === 400);
      const again = reply.ok ? null : reply.headers.get('Retry-After'); // not now: it says in words when
      if (again) timer = setTimeout(load, 1000 * again);
    } catch {
      if (mine === asking && page) refused(words().lost, false);
    } finally {
      clearTimeout(late);
      if (mine === asking && page) { part('charts').removeAttribute('aria-busy'); renewAt = Date.now() + 1000 * (news ? news.every_s : 60); }
    }
  }
  function refused(said, wrong) {
    const link = make('a', 'ss-btn', words().anew);
    link.href = location.pathname;
    show('error', said, ...(wrong ? [' ', link] : []));
    if (wrong) { news = null; part('charts').replaceChildren(); part('table').replaceChildren(); part('drawn').textContent = ''; }
    part('charts').classList.toggle('ss-t-old', !wrong);
  }
  function take(said) {
    news = {...said, panels: said.panels.map((panel) => ({...panel, lines: panel.lines.map(unpack)}))};
    const whole = news.address.slice(location.pathname.length);
    if (location.search !== whole) history.replaceState(history.state, '', location.pathname + whole);
    drawnAs = whole;
    show('error', '');
    show('told', news.told.join(' '));
    part('charts').classList.remove('ss-t-old');
    part('charts').replaceChildren(...news.panels.map((panel) => figure(panel, news, words(), news.panels.length > 1 && panel !== news.panels[0])));
    const longest = Math.max(4, ...news.panels.flatMap((panel) => panel.ticks.map(([, label]) => label.length)));
    part('charts').style.setProperty('--side', `${longest * 7 + 12}px`);
    thin(part('charts'));
    part('drawn').textContent = `${news.range}. ${news.drawn}.`;
    chips();
    table();
    pressed();
  }
  function pressed() {
    const own = !part('own').classList.contains('ss-none');
    const now = {range: own || !news.named ? 'own' : news.named, with: news.with};
    const lists = {m: news.chips.m.map((one) => one.id), q: news.chips.q.map((one) => one.id)};
    for (const button of page.querySelectorAll('[data-tdo][aria-pressed]')) {
      const {tdo, value} = button.dataset;
      button.setAttribute('aria-pressed', String(lists[tdo] ? lists[tdo].includes(value) : now[tdo] === value));
    }
    for (const input of part('own').querySelectorAll('input')) if (document.activeElement !== input) input.value = (new URLSearchParams(drawnAs).get(input.dataset.name) || '').replace(/Z$/, '');
  }

  /* what stands around the charts */
  function chips() {
    const {remove} = words();
    const found = [];
    for (const [name, of] of Object.entries(news.chips)) {
      for (const one of of) {
        const chip = make('span', 'ss-chip', ...(one.hue ? [make('i', `ss-key ss-c${one.hue}`)] : []), one.words);
        if (of.length > 1) {
          const cross = make('button', '', '\u00d7');
          Object.assign(cross, {type: 'button'});
          Object.assign(cross.dataset, {tdo: name, value: one.id});
          cross.setAttribute('aria-label', `${remove}: ${one.words}`);
          chip.append(cross);
        } else chip.classList.add('ss-chip-one');
        found.push(chip);
      }
    }
    part('chips').replaceChildren(...found);
    const past = news.against ? news.chips.m.map((one) => make('div', 'ss-t-past', make('i', `ss-key ss-key-past ss-c${one.hue}`), `${one.words}, ${news.against}`)) : [];
    part('legend').replaceChildren(...past, make('span', 'ss-k-gap', words().nodata));
  }
  function table() {
    const said = words(), head = [['series'], ['unit'], ['now', 1], ['low', 1], ['at'], ['mean', 1], ['high', 1], ['at'], ...(news.with ? [['before', 1]] : []), ['complete', 1]];
    const cell = (tag, looks, ...what) => make(tag, looks, ...what);
    const names = head.map(([name, number]) => { const th = cell('th', number ? 'ss-num' : '', said[name]); th.scope = 'col'; return th; });
    const rows = news.rows.map((row) => {
      const first = cell('th', '', make('i', `ss-key ss-c${row.hue}`), ' ', row.name);
      first.scope = 'row';
      const now = make('span', 'ss-v ss-is-never', make('span', 'ss-n', '\u2014'));
      Object.assign(now.dataset, {m: row.meter, q: row.key, scale: row.scale, decimals: row.decimals});
      const kinds = head.slice(3).map(([, number]) => (number ? 'ss-num' : 'ss-muted'));
      return make('tr', '', first, cell('td', 'ss-u', row.unit), cell('td', 'ss-num', now), ...row.cells.map((text, place) => cell('td', kinds[place], text)));
    });
    const caption = make('caption', 'ss-sr', said.caption);
    part('table').replaceChildren(make('table', 'ss-table', caption, make('thead', '', make('tr', '', ...names)), make('tbody', '', ...rows)));
  }

  function save(blob, name) {
    const link = make('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /* another address */
  function go(changes, moved = false) {
    const next = {...wanted(), ...changes};
    const query = NAMES.filter((name) => next[name]).map((name) => `${name}=${encodeURIComponent(next[name]).replace(/%2C/g, ',').replace(/%3A/g, ':')}`).join('&');
    const address = location.pathname + (query ? '?' + query : '');
    // moving on and on is one step for the way back
    const on = moved && Date.now() - movedAt < ONE_MOVE_MS;
    if (on) history.replaceState(history.state, '', address);
    else { history.pushState(null, '', address); pushed++; }
    movedAt = moved ? Date.now() : 0;
    clearTimeout(timer);
    if (moved) timer = setTimeout(load, SOON_MS); else load();
  }
  const stamp = (ms) => new Date(Math.round(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z');
  // the span that is asked for already, while its picture is still awaited
  function span() {
    const {from, to} = wanted(), utc = /Z$/;
    return utc.test(from || '') && utc.test(to || '') && location.search !== drawnAs ? [Date.parse(from), Date.parse(to)] : [news.from, news.to];
  }
  function onto(from, to) {
    const long = Math.min(Math.max(to - from, SHORTEST_S * 1000), LONGEST_S * 1000);
    let begin = (from + to) / 2 - long / 2;
    begin = Math.min(begin, news.now - long * PAN);
    begin = Math.max(begin, Date.UTC(2000, 0, 2));
    go({from: stamp(begin), to: stamp(begin + long), range: ''}, true);
  }
  const moves = {
    earlier: (a, b) => onto(a - (b - a) * PAN, b - (b - a) * PAN),
    later: (a, b) => onto(a + (b - a) * PAN, b + (b - a) * PAN),
    in: (a, b) => onto(a + (b - a) / 4, b - (b - a) / 4),
    out: (a, b) => onto(a - (b - a) / 2, b + (b - a) / 2),
    first: (a, b) => onto(news.oldest, news.oldest + b - a),
    now: (a, b) => onto(news.now - (b - a), news.now),
  };
  const move = (how) => { if (news) moves[how](...span()); };
  function toggle(name, value) {
    if (!news) { go({[name]: value}); return; }
    const has = news.chips[name].map((one) => one.id);
    const next = has.includes(value) ? has.filter((one) => one !== value) : [...has, value];
    if (next.length) go({[name]: next.join(',')});
  }
  const acts = {
    range(value) {
      const own = value === 'own' && part('own').classList.contains('ss-none');
      part('own').classList.toggle('ss-none', !own);
      if (own) part('own').querySelector('input').focus();
      else if (value !== 'own') { go({range: value, from: '', to: ''}); return; }
      if (news) pressed();
    },
    own() {
      const [from, to] = [...part('own').querySelectorAll('input')].map((input) => input.value);
      if (from && to) go({from, to, range: ''});
    },
    with: (value) => go({with: value}),
    move, m: (value) => toggle('m', value), q: (value) => toggle('q', value),
    async copy() {
      try { await navigator.clipboard.writeText(location.href); show('told', words().copied); } catch { show('told', words().uncopied); }
    },
    async csv() {
      if (!news) return;
      let reply, said;
      try {
        reply = await fetch(`${page.dataset.trends}/csv${drawnAs}`, {method: 'POST', cache: 'no-store', headers: {Accept: 'application/json'}});
        said = reply.ok ? await reply.blob() : (await reply.json()).error;
      } catch { said = words().lost; }
      if (!page) return;
      if (typeof said === 'string') show('told', said);
      else save(said, /filename="([^"]+)"/.exec(reply.headers.get('Content-Disposition'))[1]);
    },
    png() {
      if (!news) return;
      canvas(news, words()).toBlob((blob) => {
        save(blob, `trends-${new URLSearchParams(drawnAs).get('from').slice(0, 10)}.png`);
      });
    },
  };
  document.addEventListener('click', (event) => {
    const button = page && event.target.closest && event.target.closest('[data-tdo]');
    if (button && acts[button.dataset.tdo]) acts[button.dataset.tdo](button.dataset.value, button);
  });
  const KEYS = {ArrowLeft: 'earlier', ArrowRight: 'later', '+': 'in', '=': 'in', '-': 'out', Home: 'first', End: 'now'};
  document.addEventListener('keydown', (event) => {
    if (!page || !news || event.ctrlKey || event.altKey || event.metaKey) return;
    const inside = part('charts').contains(event.target);
    if (!inside && (event.target !== document.body || /Home|End/.test(event.key))) return;
    if (event.key === 'Escape' && pushed) { pushed--; history.back(); event.preventDefault(); return; }
    if (!KEYS[event.key]) return;
    event.preventDefault();
    move(KEYS[event.key]);
  });

  /* when */
  function look() {
    const here = document.querySelector('[data-trends]');
    if (here === page) return;
    page = here;
    news = null;
    at = location.pathname;
    if (!page) { clearTimeout(timer); if (asking) asking.abort(); asking = null; pushed = 0; return; }
    for (const slot of page.querySelectorAll('[data-tslot]')) {
      const input = make('input', 'ss-field');
      Object.assign(input, {type: 'datetime-local', id: slot.dataset.id, min: '2000-01-01T00:00'});
      input.dataset.name = slot.dataset.tslot;
      slot.replaceChildren(input);
    }
    watch(part('charts'), () => news, onto);
    load();
  }
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
  // the way back within this page is a matter of this script: Dash would draw the whole page anew
  window.addEventListener('popstate', (event) => {
    if (!page || location.pathname !== at) return;
    event.stopImmediatePropagation();
    if (location.search !== drawnAs) load();
  }, true);
  window.addEventListener('resize', () => { if (page) thin(page); });
  // the picture of a time that is not over is drawn anew now and then
  setInterval(() => {
    if (page && !document.hidden && renewAt && Date.now() > renewAt && (!news || news.to > news.now)) load();
  }, 1000);
  look();
})();
