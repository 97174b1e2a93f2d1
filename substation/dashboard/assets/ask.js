/* A request to the poller: asked, then looked after until it is done or refused. */
(() => {
  'use strict';
  const LOOK_MS = 500;
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function json(address, how) {
    const answer = await fetch(address, how);
    let body = {};
    try { body = await answer.json(); } catch { /* words below */ }
    if (!answer.ok) throw new Error(body.error || ssSay('The station did not understand the request ({code}).', {code: answer.status}));
    return body;
  }
  /* resolves to the last answer: {state: done | refused, words, result}; never rejects */
  window.substationAsk = async (kind, fields, progress, at = '/api/requests/') => {
    try {
      const asked = await json(at + kind, {
        method: 'POST', headers: {'Content-Type': 'application/json', Accept: 'application/json'}, body: JSON.stringify(fields),
      });
      for (;;) {
        await rest(LOOK_MS);
        const answer = await json(at + asked.id, {headers: {Accept: 'application/json'}});
        if (answer.state === 'done' || answer.state === 'refused') return answer;
        progress(answer);
      }
    } catch (error) {
      return {state: 'refused', words: error.message || ssSay('The dashboard cannot be reached.'), result: {}};
    }
  };
})();
