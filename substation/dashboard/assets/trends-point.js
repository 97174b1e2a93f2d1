/* What the pointer does on the charts of /trends: it reads the values of one moment from all of them, and a
   mouse that is dragged chooses the time to look into. Whoever has no pointer has the keys and the table. */
(() => {
  'use strict';
  const {make} = window.ssTrends, LEAST_PX = 8;
  let clock = null;

  function moment(ms, fine) {
    if (!clock) {
      const zone = document.querySelector('.ss-page[data-zone]').dataset.zone;
      clock = new Intl.DateTimeFormat('en-GB', {timeZone: zone, weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
    }
    const of = Object.fromEntries(clock.formatToParts(ms).map((one) => [one.type, one.value]));
    return `${ssSay(of.weekday)} ${of.day} ${ssSay(of.month.slice(0, 3))} ${of.hour}:${of.minute}${fine ? ':' + of.second : ''}`;
  }
  // the value of the step in which the moment lies; none in a hole, however near the next one is
  function valueAt(points, s) {
    let low = 0, high = points.n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points.at[middle] < s) low = middle + 1; else high = middle;
    }
    const near = low > 0 && s - points.at[low - 1] < points.at[low] - s ? low - 1 : low;
    return points.n && Math.abs(points.at[near] - s) <= points.step ? points.y[near] : NaN;
  }
  function read(charts, news, s) {
    const span = (news.to - news.from) / 1000;
    [...charts.children].forEach((figure, place) => {
      const panel = news.panels[place], out = figure.querySelector && figure.querySelector('.ss-chart-now');
      if (!panel || !out) return;
      let mark = figure.querySelector('.ss-t-mark');
      if (s === null) { out.replaceChildren(); if (mark) mark.remove(); return; }
      if (!mark) { mark = make('span', 'ss-t-mark'); figure.querySelector('.ss-area-box').append(mark); }
      mark.style.setProperty('--l', `${(s / span) * 100}%`);
      const found = [make('span', 'ss-u', moment(news.from + s * 1000, span < 3 * 3600))];
      for (const line of panel.lines) {
        found.push(make('i', `ss-key ss-c${line.hue}`), window.ssLive.number(valueAt(line, s), panel.decimals));
        if (line.past) found.push(make('span', 'ss-u', window.ssLive.number(valueAt(line.past, s), panel.decimals)));
      }
      out.replaceChildren(...found);
    });
  }
  function watch(charts, newsOf, zoom) {
    let from = null, shade = null;
    const place = (event) => {
      const box = event.target.closest && event.target.closest('.ss-area-box'), news = newsOf();
      if (!box || !news) return null;
      const edge = box.getBoundingClientRect(), part = Math.min(Math.max((event.clientX - edge.left) / edge.width, 0), 1);
      return {box, px: event.clientX, s: (part * (news.to - news.from)) / 1000};
    };
    const drop = () => { if (shade) shade.remove(); from = shade = null; };
    charts.addEventListener('pointermove', (event) => {
      const here = place(event), news = newsOf();
      if (!news) return;
      read(charts, news, here && here.s);
      if (!from || !here || here.box !== from.box) return;
      const span = (news.to - news.from) / 1000;
      if (!shade) { shade = make('span', 'ss-t-shade'); from.box.append(shade); }
      shade.style.setProperty('--l', `${(Math.min(from.s, here.s) / span) * 100}%`);
      shade.style.setProperty('--w', `${(Math.abs(here.s - from.s) / span) * 100}%`);
    });
    charts.addEventListener('pointerleave', () => { if (newsOf()) read(charts, newsOf(), null); drop(); });
    charts.addEventListener('pointerdown', (event) => { from = event.pointerType === 'mouse' && event.button === 0 ? place(event) : null; });
    charts.addEventListener('pointerup', (event) => {
      const here = place(event), news = newsOf();
      if (from && here && news && here.box === from.box && Math.abs(here.px - from.px) >= LEAST_PX) {
        const [a, b] = [from.s, here.s].sort((x, y) => x - y);
        zoom(news.from + a * 1000, news.from + b * 1000);
      }
      drop();
    });
  }
  window.ssTrends.watch = watch;
})();
