/* Draws what /api/trend answered: a figure a quantity, as drawings that stretch with the page, and the same
   once more on a canvas for the picture file. It knows no rules: axes, words and gaps come with the answer.
   A missing value is a hole; nothing is drawn across it. */
(() => {
  'use strict';
  const SVG = 'http://www.w3.org/2000/svg', SIZE = 1000, LONE = 2.2;
  const make = (tag, looks, ...children) => { const el = document.createElement(tag); if (looks) el.className = looks; el.append(...children); return el; };
  const draw = (tag, of) => { const el = document.createElementNS(SVG, tag); for (const [name, value] of Object.entries(of)) el.setAttribute(name, value); return el; };

  function numbers(typed) {
    const bytes = Uint8Array.from(atob(typed.bdata), (one) => one.charCodeAt(0));
    return typed.dtype === 'f8' ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  }
  // a line as it came, with its numbers unpacked: at (s from the beginning), y, low, high
  function unpack(line) {
    const at = line.at ? numbers(line.at) : Float64Array.from({length: line.n}, (_, place) => line.at0 + place * line.dx);
    const found = {...line, at, y: numbers(line.y)};
    if (line.low) { found.low = numbers(line.low); found.high = numbers(line.high); }
    if (line.past) found.past = unpack(line.past);
    return found;
  }

  function scales(panel, span) {
    return {x: (s) => (s / span) * SIZE, y: (value) => SIZE - ((value - panel.low) / (panel.high - panel.low)) * SIZE};
  }
  const at = (n) => n.toFixed(1);
  // the line with its holes; values that stand alone are told apart, since a line through one point is none
  function lineOf(points, {x, y}) {
    let path = '', dots = '', run = 0;
    for (let i = 0; i < points.n; i++) {
      if (Number.isNaN(points.y[i])) { run = 0; continue; }
      const here = `${at(x(points.at[i]))} ${at(y(points.y[i]))}`;
      path += (run ? 'L' : 'M') + here;
      if (!run && (i + 1 === points.n || Number.isNaN(points.y[i + 1]))) dots += `M${here}h.01`;
      run++;
    }
    return {path, dots};
  }
  // lowest to highest as closed shapes, each as wide as the steps that it is of
  function bandOf(line, {x, y}) {
    if (!line.low) return '';
    let path = '', begin = -1;
    const half = line.step / 2;
    // of minutes, the extremes are those of the quarter of an hour around each
    const of = (i) => (line.edge ? Math.floor((line.at[i] - line.edge0) / line.edge) : i);
    for (let i = 0; i <= line.n; i++) {
      const there = i < line.n && !Number.isNaN(line.y[i]) && !Number.isNaN(line.low[of(i)]);
      if (there && begin < 0) begin = i;
      if (there || begin < 0) continue;
      const up = [], down = [];
      for (let j = begin; j < i; j++) {
        const [first, last] = [at(x(line.at[j] - half)), at(x(line.at[j] + half))];
        if (j > begin && j + 1 < i && of(j) === of(j - 1) && of(j) === of(j + 1)) continue;
        const [top, foot] = [at(y(line.high[of(j)])), at(y(line.low[of(j)]))];
        up.push(`${first} ${top}L${last} ${top}`);
        down.push(`${last} ${foot}L${first} ${foot}`);
      }
      path += `M${up.join('L')}L${down.reverse().join('L')}Z`;
      begin = -1;
    }
    return path;
  }
  // everything of a panel that is drawn, back to front: [kind, hue, path]
  function layers(panel, news) {
    const span = (news.to - news.from) / 1000, scale = scales(panel, span), found = [];
    for (const [value] of panel.ticks) found.push(['grid', 0, `M0 ${at(scale.y(value))}H${SIZE}`]);
    for (const [s] of news.ticks) found.push(['grid', 0, `M${at(scale.x(s))} 0V${SIZE}`]);
    for (const value of panel.limits) if (value > panel.low && value < panel.high) found.push(['limit', 0, `M0 ${at(scale.y(value))}H${SIZE}`]);
    for (const line of panel.lines) {
      if (!line.past) continue;
      const past = lineOf(line.past, scale);
      found.push(['past', line.hue, past.path], ['pastdot', line.hue, past.dots]);
    }
    for (const line of panel.lines) found.push(['band', line.hue, bandOf(line, scale)]);
    for (const line of panel.lines) {
      const {path, dots} = lineOf(line, scale);
      found.push(['line', line.hue, path], ['dot', line.hue, dots]);
    }
    return found.filter((one) => one[2]);
  }

  const part = (s, news) => `${((s / ((news.to - news.from) / 1000)) * 100).toFixed(3)}%`;
  function figure(panel, news, words, low) {
    const svg = draw('svg', {viewBox: `0 0 ${SIZE} ${SIZE}`, preserveAspectRatio: 'none', 'aria-hidden': 'true'});
    for (const [kind, hue, path] of layers(panel, news)) svg.append(draw('path', {class: `ss-td-${kind} ss-c${hue}`, d: path}));
    const box = make('div', 'ss-area-box', svg);
    for (const [from, to, said] of panel.gaps) {
      const gap = make('span', from > 0.6 * (news.to - news.from) / 1000 ? 'ss-gap ss-gap-late' : 'ss-gap', make('i', '', said));
      gap.style.setProperty('--l', part(from, news));
      gap.style.setProperty('--w', part(to - from, news));
      box.append(gap);
    }
    if (news.now > news.from && news.now < news.to) {
      const now = make('span', 'ss-now');
      now.style.setProperty('--l', part((news.now - news.from) / 1000, news));
      box.append(now);
    }
    const side = make('div', 'ss-yl'), below = make('div', 'ss-xl');
    side.setAttribute('aria-hidden', 'true');
    below.setAttribute('aria-hidden', 'true');
    for (const [value, said] of panel.ticks) {
      const label = make('span', '', said);
      label.style.setProperty('--t', `${(100 - ((value - panel.low) / (panel.high - panel.low)) * 100).toFixed(2)}%`);
      side.append(label);
    }
    for (const [, said, s] of news.ticks) {
      const label = make('span', '', said);
      label.style.setProperty('--l', part(s, news));
      below.append(label);
    }
    const head = make('figcaption', '', make('b', '', panel.title), make('span', 'ss-u', panel.words), make('span', 'ss-chart-now'));
    const el = make('figure', `ss-chart ss-days${low ? ' ss-low' : ''}`, head, make('div', 'ss-plot', side, box, below));
    return el;
  }
  // words that would run into the one before are left out
  function thin(root) {
    for (const row of root.querySelectorAll('.ss-xl')) {
      let end = -Infinity;
      const edge = row.getBoundingClientRect();
      for (const label of row.children) {
        label.hidden = false;
        const box = label.getBoundingClientRect();
        label.hidden = box.left < end + 6 || box.right > edge.right + 8 || box.left < edge.left - 20;
        if (!label.hidden && label.textContent) end = box.right;
      }
    }
  }

  /* the picture file */
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const DASHES = {1: [], 2: [6, 3], 3: [2, 3], 4: [8, 3, 2, 3]};
  function canvas(news, words) {
    const wide = 1400, side = 70, high = 260, head = 74, gap = 62, scale = 2;
    const tall = head + news.panels.length * (high + gap) + 14;
    const el = document.createElement('canvas');
    el.width = wide * scale;
    el.height = tall * scale;
    const c = el.getContext('2d');
    c.scale(scale, scale);
    const [ink, muted, hair, edge] = ['--ss-ink', '--ss-muted', '--ss-hair', '--ss-edge'].map(token);
    const text = (said, x, y, {size = 13, bold = false, colour = ink, align = 'left'} = {}) => {
      c.font = `${bold ? 600 : 400} ${size}px ${token('--ss-font')}`;
      c.fillStyle = colour;
      c.textAlign = align;
      c.fillText(said, x, y);
    };
    c.fillStyle = token('--ss-panel');
    c.fillRect(0, 0, wide, tall);
    text(news.site, 16, 26, {size: 18, bold: true});
    text(news.range, 16, 46, {colour: muted});
    if (news.simulated) text(words.simulated, wide - 16, 26, {bold: true, align: 'right'});
    let x = 16;
    for (const one of news.chips.m) {
      c.fillStyle = token(`--ss-c${one.hue}`);
      c.fillRect(x, 60, 16, 3);
      text(one.words, x + 22, 65);
      x += 40 + c.measureText(one.words).width;
    }
    if (news.against) { c.fillStyle = token('--ss-past'); c.fillRect(x, 60, 16, 3); text(news.against, x + 22, 65, {colour: muted}); }
    news.panels.forEach((panel, place) => {
      const top = head + place * (high + gap) + 30, width = wide - side - 16, span = (news.to - news.from) / 1000;
      text(panel.title, 16, top - 10, {bold: true});
      const titled = c.measureText(panel.title).width;
      text(panel.words, 24 + titled, top - 10, {colour: muted});
      c.save();
      c.beginPath();
      c.rect(side, top - 1, width, high + 2);
      c.clip();
      const onto = new DOMMatrix([width / SIZE, 0, 0, high / SIZE, side, top]);
      for (const [from, to] of panel.gaps) hatch(c, side + (from / span) * width, top, ((to - from) / span) * width, high, token('--ss-hatch'));
      for (const [kind, hue, path] of layers(panel, news)) {
        const shape = new Path2D();
        shape.addPath(new Path2D(path), onto);
        const own = hue ? token(`--ss-c${hue}`) : hair;
        c.globalAlpha = kind === 'band' ? 0.2 : 1;
        c.setLineDash(kind === 'limit' ? [4, 4] : kind === 'past' ? DASHES[hue] : []);
        c.lineWidth = kind === 'grid' || kind === 'limit' ? 1 : kind.endsWith('dot') ? 2 * LONE : 1.5;
        c.lineCap = kind.endsWith('dot') ? 'round' : 'butt';
        c.strokeStyle = kind === 'limit' ? edge : kind.startsWith('past') ? token('--ss-past') : own;
        c.fillStyle = own;
        if (kind === 'band') c.fill(shape); else c.stroke(shape);
        c.globalAlpha = 1;
        c.setLineDash([]);
      }
      c.restore();
      for (const [value, said] of panel.ticks) text(said, side - 8, top + high * (1 - (value - panel.low) / (panel.high - panel.low)) + 4, {size: 12, colour: muted, align: 'right'});
      for (const [, said, s] of news.ticks) text(said, side + (s / span) * width, top + high + 18, {size: 12, colour: muted, align: 'center'});
      for (const [from, to, said] of panel.gaps) if (said) text(said, Math.min(side + (from / span) * width + 6, wide - 200), top + 14, {size: 12});
    });
    return el;
  }
  function hatch(c, x, y, wide, high, colour) {
    c.save();
    c.beginPath();
    c.rect(x, y, wide, high);
    c.clip();
    c.strokeStyle = colour;
    c.lineWidth = 1.5;
    c.beginPath();
    for (let s = -high; s < wide; s += 8) { c.moveTo(x + s, y + high); c.lineTo(x + s + high, y); }
    c.stroke();
    c.restore();
  }

  window.ssTrends = {unpack, figure, thin, canvas, make};
})();
