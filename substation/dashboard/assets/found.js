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
  const sentence = (words) => words && words[0].toUpperCase() + words.slice(1) + (/[.!?\u0964]$/.test(words) ? '' : ssSay('.'));
  const named = (row) => (row.meter ? 'id ' + row.id + ' ' + row.meter : ssSay('id {id}, not configured', {id: row.id}));
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
      [ssSay('Id'), (row) => String(row.id), true],
      [ssSay('Meter'), (row) => row.meter || make('b', {}, ssSay('not configured'))],
      [ssSay('State'), (row) => row.state],
      [ssSay('Answered'), (row) => row.answers, true],
      [ssSay('Turnaround'), (row) => (row.turnaround_ms === null ? DASH : number(row.turnaround_ms) + THIN + 'ms'), true],
      [ssSay('In words'), (row) => sentence(row.words)],
    ], result.found)] : [];
    const absent = result.absent.map((row) => finding('warn', make('b', {}, named(row)), ': ', ssSay('configured, but silent. Look at its supply, its id, the wires A and B.')));
    return [...found, ...absent, ...notes(result.notes)];
  }

  function identity(row) {
    const verdict = {sure: ssSay('Sure'), likely: ssSay('Likely'), unknown: ssSay('Unknown')}[row.verdict] || row.verdict;
    const parts = [make('h3', {}, named(row) + ': ', make('span', {class: row.verdict === 'sure' ? '' : 'ss-warn'}, verdict), row.verdict !== 'unknown' && row.model ? ', ' + row.model : '')];
    parts.push(make('p', {}, sentence(row.words)));
    if (row.agrees === false) parts.push(finding('warn', ssSay('The configuration says {model}, which does not fit.', {model: row.configured})));
    if (row.own_order === false) parts.push(finding('warn', ssSay('It sends its words as {order}, not in the order of its profile.', {order: row.word_order})));
    parts.push(values(row.values));
    if (row.failed.length) parts.push(more(ssSay('{count} relations fail', {count: row.failed.length}), true, list(row.failed)));
    if (row.held.length) parts.push(more(ssSay('{count} relations hold', {count: row.held.length}), false, list(row.held)));
    if (row.candidates.length) parts.push(more(row.candidates.length === 1 ? ssSay('1 map fits or cannot be ruled out') : ssSay('{count} maps fit or cannot be ruled out', {count: row.candidates.length}), row.candidates.length > 1, table([
      [ssSay('Profile'), (one) => one.profile],
      [ssSay('Model'), (one) => one.model],
      [ssSay('Word order'), (one) => one.word_order + (one.own_order ? '' : ' (' + ssSay('not its own') + ')')],
      [ssSay('Hold'), (one) => String(one.held), true],
      [ssSay('Fail'), (one) => String(one.failed), true],
      [ssSay('Not in the meter'), (one) => one.missing.map((key) => (labels[key] || [key])[0]).join(', ') || ssSay('nothing')],
      [ssSay('Certainty of the map'), (one) => one.certainty + ', ' + (one.verified ? ssSay('verified') : ssSay('not verified'))],
    ], row.candidates)));
    return parts;
  }
  function proposal(said, simulated) {
    const text = (simulated ? ssSay('SIMULATED: from a simulated line, not from the yard. Do not take it over into a real station.') + '\n' : '')
      + JSON.stringify({lines: said.lines, meters: said.meters}, null, 2);
    const pre = make('pre', {class: 'ss-proposal', tabindex: '0'}, text);
    const told = make('span', {role: 'status', class: 'ss-muted'});
    const copy = make('button', {type: 'button', class: 'ss-btn'}, ssSay('Copy'));
    copy.addEventListener('click', async () => { told.textContent = (await copyOf(pre)) ? ssSay('copied') : ssSay('marked: copy it by hand'); });
    return [
      make('h3', {}, ssSay('Proposed configuration')),
      said.changes.length ? list(said.changes.map(sentence)) : make('p', {}, ssSay('It is the configuration as it is: nothing changes.')),
      make('p', {class: 'ss-muted'}, ssSay('To take it over, on the station\u2019s computer run this, put these lines and meters in the place of the old ones, save:') + ' ', make('code', {}, 'python3 encrypt_config.py edit'), ' ', ssSay('It is checked before it is kept, and the poller takes it over by itself.')),
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

  const often = () => ({fast: ssSay('each round'), slow: ssSay('each minute'), once: ssSay('once'), asked: ssSay('here only')});
  function read(result) {
    const parts = [make('p', {class: 'ss-muted'}, (result.meter ? result.meter + ', ' : '') + 'id ' + result.id + (result.model ? ', ' + result.model + ' (' + result.profile + ')' : '') + ', ' + ssSay('turnaround {long}', {long: result.turnaround_ms === null ? DASH : number(result.turnaround_ms) + THIN + 'ms'}))];
    if (result.doubt) parts.push(finding('warn', sentence(result.doubt)));
    return parts.concat(result.decoded ? register(result) : whole(result));
  }
  function whole(result) {
    const gone = result.rows.filter((row) => row.why), refused = new Set(result.refused);
    const parts = gone.map((row) => finding('warn', make('b', {}, row.label), (refused.has(row.key) ? ', ' + ssSay('not in this meter') + ': ' : ': ') + sentence(row.why)));
    parts.push(table([
      [ssSay('Quantity'), (row) => row.label],
      [ssSay('Value'), (row) => number(row.value), true],
      [ssSay('Unit'), (row) => (row.unit === '1' ? '' : row.unit)],
      [ssSay('Register'), (row) => String(row.register), true],
      [ssSay('Function, address'), (row) => '0' + row.function + ', ' + row.address, true],
      [ssSay('Raw words'), (row) => make('code', {}, row.raw.join(' '))],
      [ssSay('Read as'), (row) => row.encoding + ' ' + row.word_order],
      [ssSay('Polled'), (row) => often()[row.group] || row.group],
      ...(gone.length ? [[ssSay('Why not'), (row) => row.why]] : []),
    ], result.rows, (row) => (row.why ? 'ss-h-gone' : '')));
    return parts;
  }
  function register(result) {
    const own = result.own;
    const parts = [make('p', {}, ssSay('Function {function}, address {address}, raw words', {function: '0' + result.function, address: result.address}) + ' ', make('code', {}, result.raw.join(' ')))];
    parts.push(make('p', {}, own ? make('b', {}, own.label + ': ' + number(own.value) + unit(own.unit)) : ssSay('No value of its profile stands at this register.'), own ? ', ' + ssSay('read as {encoding}, as its profile says', {encoding: own.encoding + ' ' + own.word_order + (own.scale === 1 ? '' : ' x ' + own.scale)}) : ''));
    if (result.decoded.length) parts.push(table([
      [ssSay('Word order'), (row) => row.order + (row.own ? ', ' + ssSay('the profile\u2019s') : '')],
      ['float32', (row) => number(row.float32), true],
      ['int32', (row) => number(row.int32), true],
      ['uint32', (row) => number(row.uint32), true],
    ], result.decoded, (row) => (row.own ? 'ss-own' : '')));
    parts.push(make('p', {class: 'ss-muted'}, ssSay('The first register alone: {values}.', {values: 'int16 ' + result.single.int16 + ', uint16 ' + result.single.uint16})));
    return parts;
  }

  function faults(rows) {
    return table([
      [ssSay('What'), (row) => make('b', {}, sentence(row.what))],
      [ssSay('How sure'), (row) => row.certainty],
      [ssSay('Evidence'), (row) => row.evidence],
      [ssSay('Look at'), (row) => sentence(row.look_at)],
    ], rows);
  }
  function wiring(result) {
    const parts = result.meters.flatMap((row) => [
      make('h3', {}, named(row)),
      row.findings.length ? faults(row.findings) : finding(row.answered ? (row.notes.length ? 'late' : 'ok') : 'warn', row.answered && !row.notes.length ? ssSay('Nothing wrong was found.') : row.answered ? ssSay('Nothing wrong was found, but not everything could be judged:') : sentence(row.words)),
      ...notes(row.notes), values(row.values),
    ]);
    if (result.site.length) parts.push(make('h3', {}, ssSay('Incomer and feeders together')), faults(result.site));
    return [...parts, ...notes(result.notes)];
  }

  const SHOWN = {scan, identify, read, wiring};
  /* returns elements for the result of a request of this kind; `how` has the page's labels and whether it is simulated */
  window.substationFound = (kind, result, how) => {
    labels = how.labels;
    return SHOWN[kind](result, how.simulated).filter((one) => one !== null);
  };
})();
