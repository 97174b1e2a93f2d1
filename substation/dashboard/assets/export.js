/* The export in the browser: makes the inputs where slots stand, asks with the password, lets the browser
   fetch the file as a download (the page stays), and tells how far it is and how it ended. The password
   goes into the body of one request and nowhere else; the inputs have no names, so no address ever
   holds it. Words of errors come from the station. */
(() => {
  'use strict';
  const EVERY_MS = 1000, SLOWEST_MS = 5000, THIN = '\u202f', MEANS_ONLY = ['poll', 'minute'];
  let watching = false, timer = 0, theirs = 0, soon = false;

  const box = () => document.querySelector('[data-export-box]');
  const part = (name) => document.querySelector(`[data-export-box] [data-export-part="${name}"]`);
  function say(name, text) { const el = part(name); if (el && el.textContent !== text) el.textContent = text; }
  function show(name, on) {
    const el = part(name);
    if (!el || on !== el.classList.contains('ss-none')) return;
    el.classList.toggle('ss-none', !on);
    if (on) el.scrollIntoView({block: 'nearest'});
  }
  function count(n) { return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, THIN); }
  function size(bytes) { return bytes < 99500 ? `${count(Math.ceil(bytes / 1000))} kB` : `${(bytes / 1e6).toFixed(bytes < 9.95e6 ? 1 : 0)} MB`; }
  function span(s) { return s < 100 ? `${Math.max(1, Math.round(s))} s` : `${Math.round(s / 60)} min`; }

  /* inputs */
  function fill(slot) {
    const {slot: kind, name, id, value, label} = slot.dataset;
    const input = document.createElement('input');
    Object.assign(input, {type: kind, id});
    input.dataset.name = name;
    if (kind === 'date' || kind === 'password') {
      input.className = 'ss-field';
      input.required = true;
      input.autocomplete = 'off';
      if (kind === 'date') input.value = value; else { input.maxLength = 256; input.spellcheck = false; }
      slot.replaceChildren(input);
      return;
    }
    input.value = value;
    if (kind === 'radio') { input.name = `export-${name}`; input.checked = value === 'typed'; }
    if (name === 'meters') input.checked = true;
    const around = document.createElement('label');
    around.className = 'ss-tick';
    around.append(input, label);
    slot.replaceChildren(around);
  }
  function look() {
    for (const slot of document.querySelectorAll('[data-slot]')) if (!slot.firstChild) fill(slot);
    for (const list of document.querySelectorAll('select[data-value]')) {
      if (!list.readied) { list.readied = true; list.value = list.dataset.value; }
    }
    const here = box();
    if (here && !here.readied) {
      here.readied = true;
      const form = here.querySelector('form');
      if (form.dataset.export === 'form') changed(form);
      if (!watching) step(true);
    }
  }

  /* what is asked for */
  function order(form) {
    const found = {};
    for (const el of form.querySelectorAll('[data-name]')) {
      const {name} = el.dataset;
      if (el.dataset.slot) continue;
      if (name === 'meters') { (found.meters = found.meters || []); if (el.checked) found.meters.push(Number(el.value)); }
      else if (el.type === 'checkbox') found[name] = el.checked && !el.disabled;
      else if (el.type !== 'radio' || el.checked) found[name] = el.value;
    }
    return found;
  }
  let asked = 0;
  async function changed(form) {
    const {password, archive, ...wanted} = order(form);
    const boxes = form.querySelectorAll('[data-name="meters"]:not([data-slot])').length;
    const on = wanted.meters.length;
    say('meters', on === boxes ? ssSay('All {count}', {count: boxes}) : on ? ssSay('{some} of {all}', {some: on, all: boxes}) : ssSay('None'));
    say('kept', JSON.parse(part('kept').dataset.words)[wanted.every] || '');
    say('form', JSON.parse(part('form').dataset.words)[wanted.form] || '');
    const extremes = form.querySelector('#export-extremes');
    if (extremes) extremes.disabled = MEANS_ONLY.includes(wanted.every);
    const mine = ++asked;
    const query = new URLSearchParams({...wanted, meters: wanted.meters.join(','), extremes: wanted.extremes ? '1' : '0'});
    const answer = await request(`/api/export/estimate?${query}`);
    if (mine !== asked || !part('estimate')) return;
    let words = answer.error;
    if (!words) {
      const notes = [...answer.notes];
      if (answer.rows && answer.spreadsheet && wanted.form !== 'parquet') notes.push(ssSay('A spreadsheet opens it.'));
      if (answer.rows) notes.unshift(ssSay('About {rows} rows, {size} before packing.', {rows: count(answer.rows), size: size(answer.csv_bytes)}));
      words = notes.join(' ');
    }
    say('estimate', words);
    part('estimate').classList.toggle('ss-is-warn', !!answer.error || !answer.spreadsheet || answer.rows === 0);
  }

  /* asking */
  async function request(address, body) {
    try {
      const how = body === undefined ? {} : {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)};
      const answer = await fetch(address, {cache: 'no-store', credentials: 'same-origin', ...how});
      const told = await answer.json();
      return answer.ok || told.error ? told : {error: ssSay('The station answered {code}. Reload the page.', {code: answer.status})};
    } catch {
      return {error: ssSay('The station does not answer. Try again when the state line says that it does.'), silent: true};
    }
  }
  async function ask(form) {
    const button = form.querySelector('[type="submit"]');
    const field = form.querySelector('input[type="password"]');
    if (button.disabled) return;
    button.disabled = true;
    show('error', false); show('end', false); show('fresh', false); say('secret', '');
    const answer = await request('/api/export', order(form));
    field.value = '';
    button.disabled = false;
    if (answer.error) {
      say('error', answer.error);
      show('error', true);
      field.focus();
      step(true);                     // whose export is in the way?
      return;
    }
    if (answer.archive_password) { say('secret', answer.archive_password); show('fresh', true); }
    paint({state: 'waiting', rows: 0, of: answer.rows, bytes: 0, left_s: null});
    const link = document.createElement('a');
    link.href = `/api/export/file/${answer.token}`;
    link.download = '';
    link.click();
    watching = true;
    again();
  }

  /* how far it is */
  function pace() {                   // through a tunnel each request is counted
    const page = document.querySelector('.ss-page[data-every]');
    return Math.min(SLOWEST_MS, Math.max(EVERY_MS, page ? Number(page.dataset.every) * 1000 || 0 : 0));
  }
  function again() { clearTimeout(timer); timer = setTimeout(step, pace()); }
  async function step(first) {
    if (document.hidden) return;      // it is asked at once when somebody looks again
    const told = await request('/api/export/progress');
    if (told.silent) {
      if (watching) { say('left', ssSay('the station does not answer')); again(); }
      else if (theirs) theirs = setTimeout(step, SLOWEST_MS, true);
      return;
    }
    const alive = told.state === 'waiting' || told.state === 'running';
    another(told.other);
    if (first === true && !alive) return;
    paint(told);
    watching = alive;
    if (alive) again();
  }
  function another(other) {           // somebody else's export, and the end of it for an administrator
    clearTimeout(theirs);
    theirs = 0;
    const el = part('other-row');
    if (!el) return;
    say('other', other ? other.words : '');
    show('other-row', !!other);
    const may = !!other && other.cancel !== null;
    show('end-other', may);
    if (may) part('end-other').dataset.since = other.cancel;
    if (other && !watching) theirs = setTimeout(step, SLOWEST_MS, true);
  }
  function paint(told) {
    const alive = told.state === 'waiting' || told.state === 'running';
    show('job', alive);
    const submit = document.querySelector('[data-export] [type="submit"]');
    if (submit) submit.disabled = alive;
    if (!alive) { end(told); return; }
    const share = told.of > 0 ? Math.min(100, Math.floor(told.rows * 100 / told.of)) : 0;
    say('share', `${share} %`);
    say('rows', ssSay('{some} of about {all} rows', {some: count(told.rows), all: count(told.of)}));
    say('size', told.bytes ? size(told.bytes) : '');
    say('left', told.state === 'waiting' ? ssSay('the browser has not fetched it yet') : told.left_s === null ? '' : ssSay('{long} to go', {long: span(told.left_s)}));
    const bar = part('bar');
    if (bar) { bar.style.setProperty('--at', `${share}%`); bar.setAttribute('aria-valuenow', String(share)); }
  }
  function end(told) {
    const part_of_it = ssSay('What the browser kept of it is no whole archive: delete it.');
    const done = {rows: count(told.rows), size: size(told.bytes)};
    const words = {
      done: (!told.fresh ? ssSay('Done: {rows} rows, {size}. The file opens with the export password in 7-Zip, WinRAR or Keka.', done)
        : part('secret')?.textContent ? ssSay('Done: {rows} rows, {size}. The file opens with the password above in 7-Zip, WinRAR or Keka.', done)
          : ssSay('Done: {rows} rows, {size}. The file opens with the fresh password you noted in 7-Zip, WinRAR or Keka.', done)) + ' ' + (told.words || ''),
      cancelled: `${ssSay('Cancelled.')} ${part_of_it}`,
      failed: `${ssSay('The export did not come to its end.')} ${told.words} ${part_of_it}`,
      none: told.error || ssSay('The station knows of no export any more: the dashboard was started anew. Ask again.'),
    }[told.error ? 'none' : told.state];
    say('end', words);
    show('end', true);
    part('end')?.classList.toggle('ss-is-bad', told.state !== 'done' && told.state !== 'cancelled');
    if (told.state !== 'done') { show('fresh', false); say('secret', ''); }
  }

  async function copy(button) {
    const code = part('secret');
    let done = false;
    try { await navigator.clipboard.writeText(code.textContent); done = true; } catch { /* not over plain http: the old way below */ }
    if (!done) {
      const range = document.createRange();
      range.selectNodeContents(code);
      const marked = getSelection();
      marked.removeAllRanges();
      marked.addRange(range);
      done = document.execCommand('copy');
    }
    button.textContent = done ? ssSay('Copied') : ssSay('Marked: copy it by hand');
  }

  document.addEventListener('submit', (event) => {
    const form = event.target.closest('[data-export]');
    if (!form) return;
    event.preventDefault();
    ask(form);
  });
  let pause = 0;
  document.addEventListener('input', (event) => {
    const form = event.target.closest('[data-export="form"]');
    if (!form || event.target.type === 'password' || event.target.type === 'radio') return;
    clearTimeout(pause);
    pause = setTimeout(() => changed(form), 200);
  });
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-export-do]');
    if (!button) return;
    if (button.dataset.exportDo === 'copy') copy(button);
    else if (button.dataset.exportDo === 'end-other') request('/api/export/cancel', {of_another: Number(button.dataset.since)}).then(() => step(true));
    else request('/api/export/cancel', {}).then(() => step());
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && (watching || theirs)) { clearTimeout(timer); step(!watching); } });
  new MutationObserver(() => {
    if (soon) return;
    soon = true;
    requestAnimationFrame(() => { soon = false; look(); });
  }).observe(document.body, {childList: true, subtree: true});
  look();
})();
