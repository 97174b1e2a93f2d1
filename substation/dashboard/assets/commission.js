/* /commissioning: draws the fields of each work, asks the poller, shows how far it is; found.js draws what it found. */
(() => {
  'use strict';
  const goes = () => ({scan: ssSay('Scan'), identify: ssSay('Identify'), read: ssSay('Read'), wiring: ssSay('Check')});
  const labels = () => ({line: ssSay('Line'), ids: ssSay('Modbus ids'), meter: ssSay('Meter'), register: ssSay('Register or quantity')});
  const HINT = {ids: '1-32', register: 'all'};

  function make(tag, attributes = {}, ...children) {
    const el = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, value);
    el.append(...children);
    return el;
  }
  function how() {
    const page = document.querySelector('[data-labels]');
    return {labels: JSON.parse(page.dataset.labels), simulated: 'simulated' in page.dataset};
  }
  function where(result) {
    const parts = [];
    if (result.line) parts.push(result.line + (result.port ? ': ' + result.port + ', ' + result.baud + ' ' + result.format : ''));
    if (result.took_s !== undefined) parts.push(ssSay('took {seconds} s', {seconds: result.took_s.toFixed(1)}));
    return parts.join(', ');
  }
  function show(place) {
    const top = place.getBoundingClientRect().top;
    if (top < 0 || top > 0.7 * innerHeight) place.scrollIntoView({block: 'start'});
  }
  const sentence = (words) => words && words[0].toUpperCase() + words.slice(1) + (/[.!?\u0964]$/.test(words) ? '' : ssSay('.'));
  function enable(on) { for (const one of document.querySelectorAll('[data-work] button')) one.disabled = !on; }

  async function work(kind, heading, fields, go) {
    const place = document.getElementById('commission-said'), setting = how();
    const line = make('p', {role: 'status'}, ssSay('Asking the poller ...')), bar = make('progress', {max: '1', value: '0', 'aria-label': ssSay('Progress')});
    const small = make('small');
    place.replaceChildren(make('div', {class: 'ss-sec-h'}, make('h2', {}, heading), small), line, bar);
    enable(false);
    show(place);
    const answer = await window.substationAsk(kind, fields, (now) => { line.textContent = sentence(now.words); bar.value = now.progress; });
    enable(true);
    bar.remove();
    if (!place.isConnected) return;
    line.textContent = sentence(answer.words);
    line.className = answer.state === 'done' ? 'ss-done' : 'ss-form-error';
    if (answer.state === 'done') {
      small.textContent = [setting.simulated ? 'SIMULATED' : '', where(answer.result)].filter(Boolean).join(', ');
      place.append(...window.substationFound(kind, answer.result, setting));
    }
    go.focus({preventScroll: true});
    show(place);
  }

  function control(slot, kind, name, id) {
    const choices = slot.dataset[name + 's'];
    if (choices === undefined) return make('input', {id, class: 'ss-field', type: 'text', placeholder: HINT[name], autocomplete: 'off', spellcheck: 'false', maxlength: '40'});
    const select = make('select', {id, class: 'ss-select'});
    if (name === 'meter' && kind === 'wiring') select.append(make('option', {value: ''}, ssSay('all of the line')));
    for (const [value, words] of JSON.parse(choices)) select.append(make('option', {value}, words));
    return select;
  }
  function fill(slot) {
    const kind = slot.dataset.work, controls = {};
    const form = make('form', {class: 'ss-form'});
    for (const name of slot.dataset.asks.split(' ')) {
      const id = 'work-' + kind + '-' + name;
      controls[name] = control(slot, kind, name, id);
      form.append(make('div', {class: 'ss-field-box'}, make('label', {for: id}, labels()[name]), controls[name]));
    }
    const go = make('button', {type: 'submit', class: 'ss-btn'}, goes()[kind]);
    form.append(make('div', {class: 'ss-form-go'}, go));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (go.disabled) return;
      const fields = Object.fromEntries(Object.entries(controls).map(([name, one]) => [name, one.value]));
      work(kind, slot.dataset.heading, fields, go);
    });
    slot.replaceChildren(form);
  }
  function look() { for (const slot of document.querySelectorAll('[data-work]')) if (!slot.firstChild) fill(slot); }
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
  look();
})();
