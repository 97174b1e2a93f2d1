/* /commissioning: draws the fields of each work, asks the poller, shows what it found. */
(() => {
  'use strict';
  const GO = {scan: 'Scan', identify: 'Identify', read: 'Read', wiring: 'Check'};
  const LABEL = {line: 'Line', ids: 'Modbus ids', meter: 'Meter', register: 'Register or quantity'};
  const HINT = {ids: '1-32', register: 'all'};
  const HEAD = {
    id: 'Id', state: 'State', meter: 'Meter', turnaround_ms: 'Turnaround ms', words: 'In words', verdict: 'Verdict', model: 'Model',
    word_order: 'Word order', candidates: 'Fits', label: 'Quantity', value: 'Value', unit: 'Unit', register: 'Register', address: 'Address',
    raw: 'Raw words', group: 'Read', why: '', order: 'Word order', float32: 'float32', int32: 'int32', uint32: 'uint32',
    what: 'What', certainty: 'How sure', evidence: 'Evidence', look_at: 'Look at',
  };
  const COLUMNS = {
    found: ['id', 'meter', 'state', 'turnaround_ms', 'words'],
    meters: ['id', 'meter', 'verdict', 'model', 'word_order', 'words'],
    rows: ['label', 'value', 'unit', 'register', 'address', 'raw', 'group', 'why'],
    decoded: ['order', 'float32', 'int32', 'uint32'],
    findings: ['what', 'certainty', 'evidence', 'look_at'],
  };

  function make(tag, attributes = {}, ...children) {
    const el = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== false) el.setAttribute(name, value === true ? '' : value);
    el.append(...children);
    return el;
  }
  function words(value) {
    if (value === null || value === undefined) return '–';
    if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
    if (Array.isArray(value)) return value.map(words).join(', ');
    if (typeof value === 'object') return value.profile || value.name || Object.values(value).map(words).join(' ');
    return String(value);
  }
  function table(name, rows) {
    const columns = (COLUMNS[name] || Object.keys(rows[0])).filter((key) => rows.some((row) => row[key] !== undefined && row[key] !== null));
    const number = (key) => rows.every((row) => typeof row[key] === 'number' || row[key] === null || row[key] === undefined);
    const head = make('tr', {}, ...columns.map((key) => make('th', {scope: 'col', class: number(key) ? 'ss-num' : false}, HEAD[key] === undefined ? key : HEAD[key])));
    const body = rows.map((row) => make('tr', {class: row.own ? 'ss-own' : false}, ...columns.map((key) => make('td', {class: number(key) ? 'ss-num' : false}, words(row[key])))));
    return make('div', {class: 'ss-wrap', tabindex: '0'}, make('table', {class: 'ss-table'}, make('thead', {}, head), make('tbody', {}, ...body)));
  }
  function list(rows) { return make('ul', {class: 'ss-problems'}, ...rows.map((row) => make('li', {}, words(row)))); }
  function proposal(said) {
    const text = JSON.stringify({lines: said.lines, meters: said.meters}, null, 2);
    const parts = [make('h3', {}, 'Proposed configuration')];
    if (said.changes && said.changes.length) parts.push(list(said.changes));
    parts.push(make('pre', {class: 'ss-proposal', tabindex: '0'}, text));
    return parts;
  }
  function shown(result) {
    const parts = [];
    for (const name of ['found', 'meters', 'rows', 'decoded']) if (Array.isArray(result[name]) && result[name].length) parts.push(table(name, result[name]));
    if (result.raw && result.decoded) parts.unshift(make('p', {}, 'Raw words: ' + words(result.raw) + (result.own ? '; as the profile reads it: ' + words(result.own.value) + ' ' + words(result.own.unit) : '')));
    for (const meter of result.meters || []) {
      if (!meter.findings || !meter.findings.length) continue;
      parts.push(make('h3', {}, meter.id + ' ' + words(meter.meter)), table('findings', meter.findings));
    }
    if (Array.isArray(result.site) && result.site.length) parts.push(make('h3', {}, 'Incomer and feeders together'), table('findings', result.site));
    for (const name of ['absent', 'refused', 'notes']) {
      if (Array.isArray(result[name]) && result[name].length) parts.push(make('h3', {}, {absent: 'Configured, but silent', refused: 'Not in this meter', notes: 'Notes'}[name]), list(result[name]));
    }
    if (result.doubt) parts.push(make('p', {class: 'ss-finding'}, result.doubt));
    if (result.proposal) parts.push(...proposal(result.proposal));
    return parts;
  }
  async function work(kind, fields, go) {
    const place = document.getElementById('commission-said');
    const line = make('p', {role: 'status'}, 'Asking the poller ...'), bar = make('progress', {max: '1', value: '0', 'aria-label': 'Progress'});
    place.replaceChildren(make('h2', {}, GO[kind]), line, bar);
    for (const one of document.querySelectorAll('[data-work] button')) one.disabled = true;
    const answer = await window.substationAsk(kind, fields, (now) => { line.textContent = now.words; bar.value = now.progress; });
    for (const one of document.querySelectorAll('[data-work] button')) one.disabled = false;
    bar.remove();
    line.textContent = answer.words;
    line.className = answer.state === 'done' ? 'ss-done' : 'ss-form-error';
    place.append(...shown(answer.result || {}));
    go.focus({preventScroll: true});
    place.scrollIntoView({block: 'nearest'});
  }
  function fill(slot) {
    const kind = slot.dataset.work, controls = {};
    const form = make('form', {class: 'ss-form'});
    for (const name of slot.dataset.asks.split(' ')) {
      const id = 'work-' + kind + '-' + name, choices = slot.dataset[name + 's'];
      let control;
      if (choices !== undefined) {
        control = make('select', {id, class: 'ss-select'});
        if (name === 'meter' && kind === 'wiring') control.append(make('option', {value: ''}, 'all of the line'));
        for (const one of choices.split('|')) control.append(make('option', {value: name === 'meter' ? one.split(' ')[0] : one}, one));
      } else {
        control = make('input', {id, class: 'ss-field', type: 'text', placeholder: HINT[name], autocomplete: 'off', spellcheck: 'false', maxlength: '40'});
      }
      controls[name] = control;
      form.append(make('div', {class: 'ss-field-box'}, make('label', {for: id}, LABEL[name]), control));
    }
    const go = make('button', {type: 'submit', class: 'ss-btn'}, GO[kind]);
    form.append(make('div', {class: 'ss-form-go'}, go));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (go.disabled) return;
      work(kind, Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value])), go);
    });
    slot.replaceChildren(form);
  }
  function look() { for (const slot of document.querySelectorAll('[data-work]')) if (!slot.firstChild) fill(slot); }
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
  look();
})();
