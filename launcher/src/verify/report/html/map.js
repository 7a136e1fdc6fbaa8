// The map: a canvas that holds the rows in view and no more, and a strip with the whole list.

const [AXIS, NAMES, STRIP] = [26, 156, 30];
/** Few tickers get higher rows, few months wider cells. */
const [LOWEST, HIGHEST, NARROWEST, WIDEST] = [18, 26, 2, 34];
const map = { width: 0, height: 0, cell: 1, row: LOWEST, drawn: 0 };
const dark = matchMedia('(prefers-color-scheme: dark)');
let theme = null,
  hover = null,
  colours = {};

const selected = () =>
  rowOf.has(view.ticker) ? { row: rowOf.get(view.ticker), month: view.month } : null;
const xOf = (month) => NAMES + Math.round(month * map.cell) - $('scroll').scrollLeft;

function measure() {
  map.width = $('scroll').clientWidth;
  map.height = $('scroll').clientHeight;
  const between = (least, size, most) => Math.min(Math.max(size, least), most);
  map.cell = between(NARROWEST, (map.width - NAMES - 6) / months, WIDEST);
  const high = Math.floor((map.height - AXIS) / Math.max(order.length, 1));
  map.row = between(LOWEST, high, HIGHEST);
  $('tall').style.height = `${AXIS + order.length * map.row + 6}px`;
  $('tall').style.width = `${NAMES + months * map.cell}px`;
  for (const [canvas, width] of [
    [$('cells'), map.width],
    [$('overview'), STRIP - 1],
  ]) {
    canvas.width = width * devicePixelRatio;
    canvas.height = map.height * devicePixelRatio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${map.height}px`;
  }
}

/** Light or dark, as the person has chosen, else as the system has it; the stylesheet has both. */
function paint() {
  document.documentElement.dataset.theme = theme ?? (dark.matches ? 'dark' : 'light');
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  colours = { font: 'system-ui, sans-serif' };
  for (const name of ['ink', 'faint', 'raised', 'line']) colours[name] = colour(name);
  for (const { key } of states)
    Object.assign(colours, { [key]: colour(key), [`on-${key}`]: colour(`on-${key}`) });
}

function penOf(canvas) {
  const pen = canvas.getContext('2d');
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.textBaseline = 'middle';
  return pen;
}

function draw() {
  const pen = penOf($('cells')),
    { scrollTop } = $('scroll');
  const first = Math.floor(scrollTop / map.row);
  const last = Math.min(order.length, Math.ceil((scrollTop + map.height - AXIS) / map.row));
  for (let place = first; place < last; place++)
    drawRow(pen, order[place], AXIS + place * map.row - scrollTop);
  describe(order.slice(first, last));
  drawAxis(pen, Math.min(AXIS + last * map.row - scrollTop, map.height));
  if (!order.length) {
    pen.textAlign = 'left';
    pen.fillText('No ticker is like that.', 18, AXIS + 22);
  }
}

/** Says what is in view to people who do not see the canvas. */
function describe(rows) {
  const words = rows.map(
    (row) => `${tickers[row]}${badOf(row) ? ` ${plural(badOf(row), 'bad month')}` : ''}`,
  );
  $('scroll').setAttribute('aria-label', `In view: ${words.join(', ') || 'no ticker'}`);
}

function drawRow(pen, row, y) {
  const gap = map.cell >= 7 ? 1 : 0;
  pen.font = `bold 11px ${colours.font}`;
  pen.textAlign = 'center';
  for (let month = 0; month < months;) {
    const code = stateAt(row, month),
      { key, glyph } = states[code];
    let end = month + 1;
    while (!gap && end < months && stateAt(row, end) === code) end++;
    const x = xOf(month),
      width = xOf(end) - x - gap;
    if (x + width > NAMES) {
      pen.fillStyle = colours[key];
      pen.fillRect(x, y + 1, width, map.row - 2);
      if (map.cell >= 11 && glyph) {
        pen.fillStyle = colours[`on-${key}`];
        pen.fillText(glyph, x + width / 2, y + map.row / 2 + 1);
      }
    }
    month = end;
  }
  for (const [spot, colour] of [
    [hover, colours.faint],
    [selected(), colours.ink],
  ]) {
    if (spot?.row !== row || spot.month === null) continue;
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    const x = xOf(spot.month),
      width = Math.max(xOf(spot.month + 1) - x - gap, 3);
    pen.strokeRect(x - 1, y, width + 2, map.row);
  }
  drawName(pen, row, y);
}

/** The months that are counted beside a ticker: those that the rows are sorted by. */
const counted = () =>
  view.sort === 'missing'
    ? { words: 'missing', of: (row) => countOf(row, codeOf('missing')) }
    : { words: 'bad months', of: badOf };

function drawName(pen, row, y) {
  const name = tickers[row],
    number = counted().of(row),
    isSelected = name === view.ticker;
  pen.clearRect(0, y, NAMES - 1, map.row);
  if (isSelected || hover?.row === row) {
    pen.fillStyle = colours.raised;
    pen.fillRect(8, y, NAMES - 13, map.row);
  }
  pen.font = `${isSelected ? 'bold ' : ''}12px ${colours.font}`;
  pen.textAlign = 'left';
  pen.fillStyle = colours.ink;
  pen.fillText(name, 18, y + map.row / 2 + 1, NAMES - 76);
  pen.textAlign = 'right';
  pen.fillStyle = colours.faint;
  if (number) pen.fillText(count(number), NAMES - 14, y + map.row / 2 + 1);
}

function drawAxis(pen, bottom) {
  pen.clearRect(0, 0, map.width, AXIS);
  pen.font = `12px ${colours.font}`;
  pen.textAlign = 'left';
  pen.fillStyle = colours.faint;
  const every = Math.ceil(38 / (map.cell * 12));
  const untilYear = (12 - (firstMonth % 12)) % 12 || 12;
  for (let month = 0; month < months; month++) {
    const number = firstMonth + month,
      year = Math.floor(number / 12),
      x = xOf(month);
    const isJanuary = number % 12 === 0;
    if (x < NAMES - 1) continue;
    if (isJanuary && month) {
      pen.globalAlpha = 0.4;
      pen.fillRect(x - 1, AXIS, 1, bottom - AXIS);
      pen.globalAlpha = 1;
    }
    const isYear = isJanuary ? year % every === 0 : month === 0 && untilYear * map.cell > 38;
    const quarter = map.cell >= 14 && month > 2 ? ['', 'Apr', 'Jul', 'Oct'][(number % 12) / 3] : '';
    if (isYear || quarter) pen.fillText(isYear ? year : quarter, x, AXIS / 2 + 1);
  }
  pen.clearRect(0, 0, NAMES - 1, AXIS);
  pen.fillText('ticker', 18, AXIS / 2 + 1);
  pen.textAlign = 'right';
  pen.fillText(counted().words, NAMES - 14, AXIS / 2 + 1);
  pen.fillStyle = colours.line;
  pen.fillRect(0, AXIS - 1, map.width, 1);
  pen.fillStyle = colours.faint;
}

/** The whole list at once: each line of pixels has the worst state of its tickers. */
function drawOverview() {
  const pen = penOf($('overview')),
    height = map.height - AXIS - 6,
    { scrollTop } = $('scroll');
  const lines = Math.min(order.length, Math.floor(height));
  const thick = Math.min(height / Math.max(lines, 1), 4);
  for (let line = 0; line < lines; line++) {
    const [from, to] = [line, line + 1].map((it) => Math.floor((it * order.length) / lines));
    const worst = Math.max(...order.slice(from, to).map(worstOf));
    pen.fillStyle = colours[states[worst].bad ? states[worst].key : 'covered'];
    pen.fillRect(8, AXIS + line * thick, STRIP - 16, thick);
  }
  map.drawn = lines * thick;
  const share = map.drawn / Math.max(order.length * map.row, 1);
  const seen = Math.max(Math.min(height * share, map.drawn), 8);
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1.5;
  if (lines)
    pen.strokeRect(4, AXIS + Math.min(scrollTop * share, map.drawn - seen), STRIP - 8, seen);
}

function worstOf(row) {
  let code = states.length - 1;
  while (code && !countOf(row, code)) code--;
  return code;
}

let isAsked = false;
/** Draws once before the next frame, however often it is asked for. */
function redraw() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    draw();
    drawOverview();
  });
}

/** The cell at the pointer; its month is null over the names. */
function spotAt({ clientX, clientY }) {
  const scroll = $('scroll'),
    box = scroll.getBoundingClientRect();
  const x = clientX - box.left,
    y = clientY - box.top;
  const row = order[Math.floor((y - AXIS + scroll.scrollTop) / map.row)];
  if (y < AXIS || x > map.width || row === undefined) return null;
  const month = Math.floor((x - NAMES + scroll.scrollLeft) / map.cell);
  return { row, month: x >= NAMES && month < months ? month : null, x, y };
}

/** Scrolls until the selected cell is in view. */
function reveal() {
  const place = order.indexOf(selected()?.row),
    scroll = $('scroll');
  if (place < 0) return;
  const y = place * map.row,
    high = map.height - AXIS - map.row;
  if (y < scroll.scrollTop || y > scroll.scrollTop + high) scroll.scrollTop = y - high / 2;
  const x = (view.month ?? 0) * map.cell,
    wide = map.width - NAMES - map.cell;
  if (x < scroll.scrollLeft || x > scroll.scrollLeft + wide) scroll.scrollLeft = x - wide / 2;
}
