/* The hourly log sheet: inputs where slots stand, for whoever may write. What is typed is kept when the field is
   left; Enter goes down, Shift+Enter up, a single " takes what stands above, Escape takes back what was typed.
   What the station refuses stays in its field with the reason, also when the sheet is drawn anew. */
(() => {
  'use strict';
  const unsaved = new Map();   // by place: what was typed and is not kept yet, and why
  let at = null;               // the place that has the focus

  const inputs = (within = document) => [...within.querySelectorAll('[data-log] > :is(input, textarea)')];
  const of = (key) => inputs().find((one) => one.parentElement.dataset.log === key);
  const panel = () => document.querySelector('.ss-log-cell');

  function fill(slot) {
    const {log, kind, label, text} = slot.dataset;
    const input = document.createElement(kind === 'note' ? 'textarea' : 'input');
    input.value = text;
    input.setAttribute('aria-label', label);
    input.placeholder = ' ';
    input.autocomplete = 'off';
    input.maxLength = kind === 'note' ? 1000 : kind === 'text' ? 200 : 12;
    if (kind === 'number') input.inputMode = 'decimal';
    if (kind === 'note') input.rows = 2;
    input.className = kind === 'note' ? 'ss-field' : 'ss-log-in';
    input.title = slot.dataset.said;
    slot.replaceChildren(input);
    const kept = unsaved.get(log);
    if (kept) { input.value = kept.typed; if (kept.why) refuse(input, kept.why); }
    if (at === log && document.activeElement === document.body) input.focus();
  }
  function refuse(input, why) {
    input.setAttribute('aria-invalid', 'true');
    input.title = why;
  }
  function say(words, wrong) {
    const said = document.getElementById('log-said');
    if (!said) return;
    said.textContent = words;
    said.classList.toggle('ss-form-error', Boolean(wrong));
  }
  function tell(input) {
    const {label, said, id, log} = input.parentElement.dataset, kept = unsaved.get(log);
    say(kept && kept.why ? `${label}: ${kept.why}` : said ? `${label}: ${said}` : label, kept && kept.why);
    document.getElementById('log-history').hidden = id === '0';
    document.getElementById('log-entries').replaceChildren();
  }

  async function save(input) {
    const slot = input.parentElement, {log, id, text, label} = slot.dataset, typed = input.value;
    const [subject, moment, item] = log.split('|');
    if (typed.trim() === text) { forget(input); return; }
    const kept = unsaved.get(log);
    if (kept && kept.sent === typed && kept.to === id) return;   // on its way, or refused as it is
    unsaved.set(log, {typed, sent: typed, to: id});
    input.setAttribute('aria-busy', 'true');
    const answer = await post({subject, at: moment, item, text: typed, instead_of: id});
    const now = of(log) || input;   // the sheet may have been drawn anew meanwhile
    for (const one of [input, now]) one.removeAttribute('aria-busy');
    if (answer.id !== undefined) Object.assign(now.parentElement.dataset, {id: answer.id, text: answer.text, said: answer.said});
    if (answer.error) {
      unsaved.set(log, {typed, why: answer.error, sent: typed, to: now.parentElement.dataset.id});
      if (answer.id !== undefined) unsaved.get(log).to = '';     // he has seen what stands: the same may be sent again
      refuse(now, answer.error);
      say(`${label}: ${answer.error}`, true);
      return;
    }
    if (now.value === typed) { now.value = answer.text; forget(now); } else unsaved.set(log, {typed: now.value});
    now.title = answer.said;
    if (at === log || at === null) tell(now); else say(`${label}: ${answer.said}`);
  }
  function forget(input) {
    unsaved.delete(input.parentElement.dataset.log);
    input.removeAttribute('aria-invalid');
    input.title = input.parentElement.dataset.said;
  }
  async function post(body) {
    try {
      const got = await fetch('/api/log/write', {method: 'POST', cache: 'no-store', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
      const answer = await got.json();
      return got.ok || answer.error ? answer : {error: ssSay('The station refused it ({code}).', {code: got.status})};
    } catch {
      return {error: ssSay('No whole answer came, so nobody knows whether it was done. Reload the page and look.')};
    }
  }

  /* the first field that waits for a value: of the shift that goes on, else of the day */
  function waiting(fields) {
    const due = fields.filter((one) => one.closest('.ss-log-due') && !one.value);
    return due.find((one) => one.closest('.ss-log-of-shift')) || due[0];
  }
  /* the field in the same column, so many rows further; beyond the last one the next column's first that is due */
  function move(input, by) {
    const cell = input.closest('td'), row = cell && cell.parentElement;
    if (!row) return;
    const column = (one) => inputs(document.querySelector('.ss-log tbody')).filter((other) => other.closest('td').cellIndex === one);
    const same = column(cell.cellIndex), next = same[same.indexOf(input) + by];
    if (next) { next.focus(); next.select(); return; }
    for (let one = cell.cellIndex + 1; by > 0 && one < row.cells.length; one += 1) {
      const due = waiting(column(one));
      if (due) { due.focus(); return; }
    }
    input.blur();
  }
  function above(input) {
    const cell = input.closest('td');
    let row = cell && cell.parentElement.previousElementSibling;
    while (row) {
      const other = row.cells[cell.cellIndex].querySelector('input');
      if (other && other.value.trim()) return other.value;
      row = row.previousElementSibling;
    }
    return '';
  }

  document.addEventListener('keydown', (event) => {
    const input = event.target;
    if (!input.parentElement || !input.parentElement.dataset.log) return;
    const note = input.tagName === 'TEXTAREA';
    if (event.key === 'Enter' && (!note || event.ctrlKey)) {
      event.preventDefault();
      if (note) input.blur(); else move(input, event.shiftKey ? -1 : 1);
    } else if (!note && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      move(input, event.key === 'ArrowDown' ? 1 : -1);
    } else if (event.key === 'Escape') {
      input.value = input.parentElement.dataset.text;
      forget(input);
      tell(input);
    }
  });
  document.addEventListener('input', (event) => {
    const slot = event.target.parentElement;
    if (slot && slot.dataset.log) unsaved.set(slot.dataset.log, {...unsaved.get(slot.dataset.log), typed: event.target.value});
  });
  document.addEventListener('focusin', (event) => {
    const slot = event.target.parentElement;
    if (slot && slot.dataset && slot.dataset.log) { at = slot.dataset.log; tell(event.target); }
  });
  document.addEventListener('focusout', (event) => {
    const input = event.target;
    if (!input.isConnected || !input.parentElement || !input.parentElement.dataset.log) return;
    if (event.relatedTarget && !event.relatedTarget.closest('.ss-log-cell')) at = null;
    if (input.value.trim() === '"') input.value = above(input);
    save(input);
  });
  document.addEventListener('click', async (event) => {
    const on = (what) => event.target.closest && event.target.closest(what);
    if (on('[data-log-print]')) print();
    if (on('[data-log-due]')) {
      const first = waiting(inputs());
      if (first) { first.focus(); first.scrollIntoView({block: 'center', inline: 'center'}); }
    }
    if (on('#log-history') && at) {
      const [subject, moment, item] = at.split('|'), list = document.getElementById('log-entries');
      try {
        const got = await fetch('/api/log/entries?' + new URLSearchParams({subject, at: moment, item}), {cache: 'no-store', headers: {Accept: 'application/json'}});
        const answer = await got.json();
        if (!got.ok) { say(answer.error, true); return; }
        list.replaceChildren(...answer.entries.map((one) => {
          const line = document.createElement('li'), text = document.createElement('b');
          text.textContent = one.text;
          line.append(text, ' ', one.said);
          return line;
        }));
      } catch { say(ssSay('The dashboard cannot be reached.'), true); }
    }
  });
  /* this page alone is printed across: a rule of all pages for as long as it prints */
  let turned = null;
  window.addEventListener('beforeprint', () => {
    if (turned || !document.querySelector('.ss-p-log')) return;
    turned = [...document.styleSheets].reverse().find((one) => one.href && one.href.startsWith(location.origin));
    turned.insertRule('@page { size: A4 landscape; margin: 9mm; }', turned.cssRules.length);
  });
  window.addEventListener('afterprint', () => {
    if (turned) turned.deleteRule(turned.cssRules.length - 1);
    turned = null;
  });
  window.addEventListener('beforeunload', (event) => { if (unsaved.size) event.preventDefault(); });
  function look() {
    if (!panel()) { at = null; unsaved.clear(); return; }
    for (const slot of document.querySelectorAll('[data-log]')) if (!slot.firstChild) fill(slot);
  }
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
  look();
})();
