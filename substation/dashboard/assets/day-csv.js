/* A meter's day as a file, for engineers: the address stands on the button, the station checks the rights and
   notes it in the audit log. What it says instead of a file stands beside the button. */
(() => {
  'use strict';
  document.addEventListener('click', async (event) => {
    const button = event.target.closest && event.target.closest('[data-day-csv]');
    if (!button) return;
    const said = button.parentElement.querySelector('[data-day-said]');
    said.textContent = '';
    try {
      const reply = await fetch(button.dataset.dayCsv, {method: 'POST', cache: 'no-store', headers: {Accept: 'application/json'}});
      if (!reply.ok) { said.textContent = (await reply.json()).error; return; }
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await reply.blob());
      link.download = /filename="([^"]+)"/.exec(reply.headers.get('Content-Disposition'))[1];
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch { said.textContent = button.dataset.lost; }
  });
})();
