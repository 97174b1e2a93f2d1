/* Forms for passwords and users. What a form says, asks and where it is posted stands as JSON on the page
   (data-form: drawn in that place; data-ask: a button that opens it as a dialog); Dash itself has no input
   that says which password a browser may fill in. What is typed goes into a request's body and nowhere
   else: inputs have no name, so that no address ever holds it. */
(() => {
  'use strict';
  let count = 0;

  function make(tag, attributes = {}, ...children) {
    const el = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== false) el.setAttribute(name, value === true ? '' : value);
    el.append(...children);
    return el;
  }
  function button(text, look, act) {
    const el = make('button', {type: 'button', class: look}, text);
    el.addEventListener('click', act);
    return el;
  }

  /* one field: label, what is said before typing, the control */
  function field(spec) {
    const id = 'ss-field-' + (count += 1), says = spec.hint ? id + '-hint' : false;
    const box = make('div', {class: 'ss-field-box'}, make('label', {for: id}, spec.label));
    if (says) box.append(make('p', {class: 'ss-note', id: says}, spec.hint));
    let control;
    if (spec.kind === 'select') {
      control = make('select', {id, class: 'ss-select'});
      for (const [value, , name] of spec.options) control.append(make('option', {value, selected: value === spec.value}, name));
      const note = make('p', {class: 'ss-note', 'aria-live': 'polite'});
      const told = () => { note.textContent = spec.options[control.selectedIndex][1]; };
      control.addEventListener('change', told);
      told();
      box.append(control, note);
    } else {
      control = make('input', {
        id, class: 'ss-field', type: spec.kind, required: !spec.optional, autocomplete: spec.autocomplete || 'off',
        autocapitalize: 'none', spellcheck: 'false', 'aria-describedby': says, maxlength: spec.most || false,
      });
      box.append(spec.kind === 'password' ? make('div', {class: 'ss-secret-in'}, control, eye(control, spec.label)) : control);
    }
    return {spec, box, control};
  }
  function eye(input, label) {
    const el = button(ssSay('Show'), 'ss-btn', () => {
      const shown = input.type === 'password';
      input.type = shown ? 'text' : 'password';
      el.setAttribute('aria-pressed', String(shown));
    });
    el.setAttribute('aria-pressed', 'false');
    el.setAttribute('aria-label', ssSay('Show: {what}', {what: label}));
    return el;
  }

  /* a form that posts itself; done(answer) is called when the station has done it */
  function form(spec, done, ...further) {
    const fields = spec.fields.map(field);
    const go = make('button', {type: 'submit', class: 'ss-btn ss-main-btn'}, spec.go);
    const error = make('p', {class: 'ss-form-error', role: 'alert'});
    const el = make('form', {class: 'ss-form', method: 'post', novalidate: true});
    for (const words of spec.words) el.append(make('p', {}, words));
    if (spec.who) el.append(make('input', {type: 'text', class: 'ss-sr', autocomplete: 'username', value: spec.who, readonly: true, tabindex: '-1', 'aria-hidden': 'true'}));
    for (const one of fields) el.append(one.box);
    el.append(error, make('div', {class: 'ss-form-go'}, go, ...further));
    el.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      error.textContent = '';
      const wrong = fault(fields);
      if (wrong) { say(error, wrong.words, wrong.control); return; }
      const body = {...spec.send};
      for (const {spec: {name}, control} of fields) if (name && control.value) body[name] = control.value;
      go.disabled = true;
      const answer = await post(spec.url, body);
      go.disabled = false;
      if (answer.error) {
        const wrong = fields.find(({spec}) => spec.refused === answer.status) || fields[0];
        say(error, answer.error, wrong ? wrong.control : go);
        return;
      }
      for (const {control} of fields) if (control.tagName === 'INPUT') control.value = '';
      done(answer);
    });
    return el;
  }
  function fault(fields) {
    for (const {spec, control} of fields) {
      if (control.required && !control.value) return {words: ssSay('{what} is missing.', {what: spec.label}), control};
      const twin = spec.same_as && fields.find((other) => other.spec.name === spec.same_as);
      if (twin && twin.control.value !== control.value) return {words: ssSay('The two new passwords differ. Nothing was sent.'), control};
    }
    return null;
  }
  function say(error, words, control) { error.textContent = words; control.focus(); }

  async function post(url, body) {
    try {
      const got = await fetch(url, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), cache: 'no-store'});
      const answer = await got.json();
      if (answer.error) return {...answer, status: got.status};
      return got.ok ? answer : {error: ssSay('The station refused it ({code}).', {code: got.status})};
    } catch {
      return {error: ssSay('No whole answer came, so nobody knows whether it was done. Reload the page and look.')};
    }
  }

  /* dialogs */
  function ask(spec) {
    const box = make('dialog', {class: 'ss-dialog', 'aria-labelledby': 'ss-dialog-title'}, make('h2', {id: 'ss-dialog-title'}, spec.title));
    box.addEventListener('close', () => { box.remove(); if (document.activeElement === document.body) said().focus(); });
    const cancel = button(ssSay('Cancel'), 'ss-btn', () => box.close());
    box.append(form(spec, (answer) => {
      if (answer.table) window.dash_clientside.set_props('users-table', {children: answer.table});
      said().textContent = answer.done;
      if (answer.secret) box.replaceChildren(...secret(answer, box)); else box.close();
    }, cancel));
    document.body.append(box);
    box.showModal();
  }
  function said() { return document.getElementById('users-said') || document.body; }

  function secret(answer, box) {
    const shown = make('code', {class: 'ss-secret-out', tabindex: '0'}, answer.secret);
    const copied = make('span', {role: 'status'});
    const copy = button(ssSay('Copy'), 'ss-btn', async () => { copied.textContent = await copyOf(shown) ? ssSay('copied') : ssSay('select it and copy it by hand'); });
    return [
      make('h2', {id: 'ss-dialog-title'}, ssSay('Password of {name}', {name: answer.of})),
      make('p', {role: 'status'}, answer.done + ' ' + ssSay('The password is shown this once and kept nowhere: hand it over now.')),
      make('p', {class: 'ss-secret-line'}, shown, copy, copied),
      make('div', {class: 'ss-form-go'}, button(ssSay('Done'), 'ss-btn ss-main-btn', () => box.close())),
    ];
  }
  async function copyOf(el) {
    const range = document.createRange();
    range.selectNodeContents(el);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    // without TLS a browser has no clipboard for scripts, but still the old command
    try { await navigator.clipboard.writeText(el.textContent); return true; } catch { return document.execCommand('copy'); }
  }

  /* forms that stand on the page */
  function fill() {
    for (const place of document.querySelectorAll('[data-form]:empty')) {
      const words = make('p', {class: 'ss-said', role: 'status', 'aria-live': 'polite'});
      place.append(form(JSON.parse(place.dataset.form), (answer) => { words.textContent = answer.done; }), words);
    }
  }
  document.addEventListener('click', (event) => {
    const opener = event.target.closest('[data-ask]');
    if (opener) ask(JSON.parse(opener.dataset.ask));
  });
  new MutationObserver(fill).observe(document.body, {childList: true, subtree: true});
  fill();
})();
