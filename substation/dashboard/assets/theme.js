/* Day and night, the mark of the page one is on, menus that close. The choice of day or night is
   remembered in this browser; without a choice the system's own is followed. */
(() => {
  'use strict';
  const KEY = 'ss-theme';
  const html = document.documentElement;

  function remembered() { try { return localStorage.getItem(KEY); } catch { return null; } }
  function remember(theme) { try { localStorage.setItem(KEY, theme); } catch { /* private mode: it lasts as long as the page */ } }
  const chosen = remembered();
  if (chosen === 'light' || chosen === 'dark') html.dataset.theme = chosen;

  function other() {
    const dark = html.dataset.theme ? html.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    return dark ? 'light' : 'dark';
  }

  function here() {
    const path = location.pathname.replace(/(.)\/$/, '$1');
    for (const link of document.querySelectorAll('.ss-nav a, .ss-tabs a, .ss-menu a')) {
      const own = new URL(link.href).pathname;
      const meters = link.closest('.ss-tabs') && own.startsWith('/meter/') && path.startsWith('/meter/');
      mark(link, own === path || meters);
    }
    for (const menu of document.querySelectorAll('[data-sections] > summary')) mark(menu, menu.parentNode.dataset.sections.split(' ').includes(path));
    for (const menu of document.querySelectorAll('[data-section] > summary')) mark(menu, path.startsWith(menu.parentNode.dataset.section));
  }
  function mark(el, on) {
    if (on && el.getAttribute('aria-current') !== 'page') el.setAttribute('aria-current', 'page');
    if (!on && el.hasAttribute('aria-current')) el.removeAttribute('aria-current');
  }

  function shut(except) {
    for (const menu of document.querySelectorAll('details.ss-menu[open]')) if (menu !== except) menu.open = false;
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-do="theme"]');
    if (button) { html.dataset.theme = other(); remember(html.dataset.theme); }
    if (event.target.closest('[data-do="print"]')) print();
    const menu = event.target.closest('details.ss-menu');
    shut(event.target.closest('a') ? null : menu);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    const open = document.querySelector('details.ss-menu[open]');
    if (open) { open.open = false; open.querySelector('summary').focus(); }
  });
  let soon = false;
  new MutationObserver(() => {
    if (soon) return;
    soon = true;
    requestAnimationFrame(() => { soon = false; here(); });
  }).observe(html, {childList: true, subtree: true});
  window.addEventListener('popstate', here);
})();
