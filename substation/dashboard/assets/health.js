/* /health: paints its cells anew every few seconds; a change of its shape draws the page anew. Buttons that
   have the poller probe a meter are here as well. */
(() => {
  'use strict';
  const EVERY_MS = 3000;
  let shape = null;

  async function paint(page) {
    let news;
    try {
      const answer = await fetch(page.dataset.health, {headers: {Accept: 'application/json'}});
      if (!answer.ok) return;
      news = await answer.json();
    } catch { return; }
    if (!page.isConnected) return;
    const seen = JSON.stringify(news.shape);
    if (shape !== null && shape !== seen && !document.querySelector('[data-busy]')) { location.reload(); return; }
    shape = seen;
    for (const el of page.querySelectorAll('[data-h]')) {
      const words = news.cells[el.dataset.h];
      if (words !== undefined && el.textContent !== words) el.textContent = words;
    }
  }
  async function probe(button) {
    const said = document.getElementById('health-said');
    button.disabled = true;
    button.dataset.busy = '1';
    said.textContent = 'Asking the poller to probe meter ' + button.dataset.probe + ' ...';
    const words = await window.substationAsk('probe', {meter: button.dataset.probe}, (answer) => { said.textContent = answer.words; });
    said.textContent = words.words;
    button.disabled = false;
    delete button.dataset.busy;
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest && event.target.closest('[data-probe]');
    if (button && !button.disabled) probe(button);
  });
  setInterval(() => {
    const page = document.querySelector('[data-health]');
    if (page && !document.hidden) paint(page); else if (!page) shape = null;
  }, EVERY_MS);
})();
