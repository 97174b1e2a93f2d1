/* What commissioning found, drawn: one function a kind of request, from the plain result to elements.
   The shapes are described in substation/bus/commission*.py; nothing of them is left out here. */
(() => {
  'use strict';
  const THIN = '\u202f', DASH = '\u2014';
  let labels = {};  // by quantity [label, unit], from the page

  function make(tag, attributes = {}, ...children) {
    const el = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== false && value !== '') el.setAttribute(name, value === true ? '' : value);
    el.append(...children.filter((one) => one !== null && one !== ''));
    return el;
  }
  // seven digits, as many as a float32 holds
  function number(value) {
    if (value === null || value === undefined) return DASH;
    if (typeof value !== 'number') return String(value);
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
  }
  const unit = (words) => (words && words !== '1' ? THIN + words : '');
  const sentence = (words) => words && words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.');
  const named = (row) => 'id ' + row.id + (row.meter ? ' ' + row.meter : ', not configured');
  function finding(sign, ...words) {
    return make('div', {class: 'ss-finding'}, make('span', {class: 'ss-i ss-i-' + sign, 'aria-hidden': 'true'}), make('span', {}, ...words));
  }
  function list(rows) { return make('ul', {class: 'ss-problems'}, ...rows.map((row) => make('li', {}, row))); }
  function more(summary, open, ...children) { return make('details', {open}, make('summary', {}, summary), ...children); }

  /* columns: [heading, row -> text or element, whether it is a number] */
  function table(columns, rows, looks = () => '') {
    const cell = (tag, [, , isNumber], words, more = {}) => make(tag, {class: isNumber ? 'ss-num' : '', ...more}, words);
    const head = make('tr', {}, ...columns.map((one) => cell('th', one, one[0], {scope: 'col'})));
    const body = rows.map((row) => make('tr', {class: looks(row)}, ...columns.map((one) => cell('td', one, one[1](row), {'data-label': one[0]}))));
    return make('div', {class: 'ss-wrap', tabindex: '0'}, make('table', {class: 'ss-table ss-found'}, make('thead', {}, head), make('tbody', {}, ...body)));
  }
  function values(of) {
    const keys = Object.keys(of || {});
    if (!keys.length) return null;
    const pairs = keys.map((key) => {
      const [label, units] = labels[key] || [key, ''];
      return make('div', {}, make('dt', {}, label), make('dd', {}, number(of[key]) + (of[key] === null ? '' : unit(units))));
    });
    return make('dl', {class: 'ss-inline ss-inline-w'}, ...pairs);
  }
  const notes = (rows) => (rows || []).map((words) => finding('late', sentence(words)));

  function scan(result) {
    const found = result.found.length ? [table([
      ['Id', (row) => String(row.id), true],
      ['Meter', (row) => row.meter || make('b', {}, 'not configured')],
      ['State', (row) => row.state],
      ['Answered', (row) => row.answers, true],
      ['Turnaround', (row) => (row.turnaround_ms === null ? DASH : number(row.turnaround_ms) + THIN + 'ms'), true],
      ['In words', (row) => sentence(row.words)],
    ], result.found)] : [];
    const absent = result.absent.map((row) => finding('warn', make('b', {}, named(row)), ': configured, but silent. Look at its supply, its id, the wires A and B.'));
    return [...found, ...absent, ...notes(result.notes)];
  }

  function identity(row) {
    const verdict = {sure: 'Sure', likely: 'Likely', unknown: 'Unknown'}[row.verdict] || row.verdict;
    const parts = [make('h3', {}, named(row) + ': ', make('span', {class: row.verdict === 'sure' ? '' : 'ss-warn'}, verdict), row.verdict !== 'unknown' && row.model ? ', ' + row.model : '')];
    parts.push(make('p', {}, sentence(row.words)));
    if (row.agrees === false) parts.push(finding('warn', 'The configuration says ' + row.configured + ', which does not fit.'));
    if (row.own_order === false) parts.push(finding('warn', 'It sends its words as ' + row.word_order + ', not in the order of its profile.'));
    parts.push(values(row.values));
    if (row.failed.length) parts.push(more(row.failed.length + ' relations fail', true, list(row.failed)));
    if (row.held.length) parts.push(more(row.held.length + ' relations hold', false, list(row.held)));
    if (row.candidates.length) parts.push(more(row.candidates.length + (row.candidates.length === 1 ? ' map fits or cannot be ruled out' : ' maps fit or cannot be ruled out'), row.candidates.length > 1, table([
      ['Profile', (one) => one.profile],
      ['Model', (one) => one.model],
      ['Word order', (one) => one.word_order + (one.own_order ? '' : ' (not its own)')],
      ['Hold', (one) => String(one.held), true],
      ['Fail', (one) => String(one.failed), true],
      ['Not in the meter', (one) => one.missing.map((key) => (labels[key] || [key])[0]).join(', ') || 'nothing'],
      ['Certainty of the map', (one) => one.certainty + (one.verified ? ', verified' : ', not verified')],
    ], row.candidates)));
    return parts;
  }
  function proposal(said, simulated) {
    const text = (simulated ? 'SIMULATED: from a simulated line, not from the yard. Do not take it over into a real station.\n' : '')
      + JSON.stringify({lines: said.lines, meters: said.meters}, null, 2);
    const pre = make('pre', {class: 'ss-proposal', tabindex: '0'}, text);
    const told = make('span', {role: 'status', class: 'ss-muted'});
    const copy = make('button', {type: 'button', class: 'ss-btn'}, 'Copy');
    copy.addEventListener('click', async () => { told.textContent = (await copyOf(pre)) ? 'copied' : 'marked: copy it by hand'; });
    return [
      make('h3', {}, 'Proposed configuration'),
      said.changes.length ? list(said.changes.map(sentence)) : make('p', {}, 'It is the configuration as it is: nothing changes.'),
      make('p', {class: 'ss-muted'}, 'To take it over, on the station\u2019s computer: ', make('code', {}, 'python3 encrypt_config.py edit'), ', put these lines and meters in the place of the old ones, save. It is checked before it is kept, and the poller takes it over by itself.'),
      make('div', {class: 'ss-form-go'}, copy, told), pre,
    ];
  }
  async function copyOf(el) {
    const range = document.createRange(), marked = getSelection();
    range.selectNodeContents(el);
    marked.removeAllRanges();
    marked.addRange(range);
    // without TLS a browser has no clipboard for scripts, but still the old command
    try { await navigator.clipboard.writeText(el.textContent); return true; } catch { return document.execCommand('copy'); }
  }
  function identify(result, simulated) {
    return [...result.meters.flatMap(identity), ...notes(result.notes), ...(result.proposal && result.meters.length ? proposal(result.proposal, simulated) : [])];
  }

  const OFTEN = {fast: 'each round', slow: 'each minute', once: 'once', asked: 'here only'};
  function read(result) {
    const parts = [make('p', {class: 'ss-muted'}, (result.meter ? result.meter + ', ' : '') + 'id ' + result.id + (result.model ? ', ' + result.model + ' (' + result.profile + ')' : '') + ', turnaround ' + (result.turnaround_ms === null ? DASH : number(result.turnaround_ms) + THIN + 'ms'))];
    if (result.doubt) parts.push(finding('warn', sentence(result.doubt)));
    return parts.concat(result.decoded ? register(result) : whole(result));
  }
  function whole(result) {
    const gone = result.rows.filter((row) => row.why), refused = new Set(result.refused);
    const parts = gone.map((row) => finding('warn', make('b', {}, row.label), (refused.has(row.key) ? ', not in this meter: ' : ': ') + sentence(row.why)));
    parts.push(table([
      ['Quantity', (row) => row.label],
      ['Value', (row) => number(row.value), true],
      ['Unit', (row) => (row.unit === '1' ? '' : row.unit)],
      ['Register', (row) => String(row.register), true],
      ['Function, address', (row) => '0' + row.function + ', ' + row.address, true],
      ['Raw words', (row) => make('code', {}, row.raw.join(' '))],
      ['Read as', (row) => row.encoding + ' ' + row.word_order],
      ['Polled', (row) => OFTEN[row.group] || row.group],
      ['Why not', (row) => row.why],
    ].filter(([name]) => name !== 'Why not' || gone.length), result.rows, (row) => (row.why ? 'ss-h-gone' : '')));
    return parts;
  }
  function register(result) {
    const own = result.own;
    const parts = [make('p', {}, 'Function 0' + result.function + ', address ' + result.address + ', raw words ', make('code', {}, result.raw.join(' ')))];
    parts.push(make('p', {}, own ? make('b', {}, own.label + ': ' + number(own.value) + unit(own.unit)) : 'No value of its profile stands at this register.', own ? ', read as ' + own.encoding + ' ' + own.word_order + (own.scale === 1 ? '' : ' x ' + own.scale) + ', as its profile says' : ''));
    if (result.decoded.length) parts.push(table([
      ['Word order', (row) => row.order + (row.own ? ', the profile\u2019s' : '')],
      ['float32', (row) => number(row.float32), true],
      ['int32', (row) => number(row.int32), true],
      ['uint32', (row) => number(row.uint32), true],
    ], result.decoded, (row) => (row.own ? 'ss-own' : '')));
    parts.push(make('p', {class: 'ss-muted'}, 'The first register alone: int16 ' + result.single.int16 + ', uint16 ' + result.single.uint16 + '.'));
    return parts;
  }

  function faults(rows) {
    return table([
      ['What', (row) => make('b', {}, sentence(row.what))],
      ['How sure', (row) => row.certainty],
      ['Evidence', (row) => row.evidence],
      ['Look at', (row) => sentence(row.look_at)],
    ], rows);
  }
  function wiring(result) {
    const parts = result.meters.flatMap((row) => [
      make('h3', {}, named(row)),
      row.findings.length ? faults(row.findings) : finding(row.answered ? (row.notes.length ? 'late' : 'ok') : 'warn', row.answered && !row.notes.length ? 'Nothing wrong was found.' : row.answered ? 'Nothing wrong was found, but not everything could be judged:' : sentence(row.words)),
      ...notes(row.notes), values(row.values),
    ]);
    if (result.site.length) parts.push(make('h3', {}, 'Incomer and feeders together'), faults(result.site));
    return [...parts, ...notes(result.notes)];
  }

  const SHOWN = {scan, identify, read, wiring};
  /* returns elements for the result of a request of this kind; `how` has the page's labels and whether it is simulated */
  window.substationFound = (kind, result, how) => {
    labels = how.labels;
    return SHOWN[kind](result, how.simulated).filter((one) => one !== null);
  };
})();
