// What the page says in words: verdict, legend, the panel beside the map, the note at the pointer.

const LIST = 100;

/** An element with texts and elements in it. A text stays a text, whatever stands in it. */
function make(tag, attributes, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...inside.filter((part) => part !== null && part !== undefined && part !== ''));
  return element;
}

const swatch = (code) => make('span', { class: `swatch ${states[code].key}` }, states[code].glyph);
const link = (words, onclick) => make('button', { type: 'button', class: 'link', onclick }, words);

function header() {
  $('verdict').replaceChildren(
    ...(report.verdict ? [make('b', {}, report.verdict), ` ${tree.name}: `] : []),
    swatch(codeOf(tree.worst)),
    make('b', {}, tree.verdict),
    ` ${tree.summary}`,
  );
  $('about').textContent = [tree.path, report.made].join(' · ');
  $('legend').replaceChildren(
    make('span', { class: 'faint' }, 'Months:'),
    ...states
      .map((state, code) =>
        make(
          'button',
          {
            type: 'button',
            title: `${state.says} (ticker-months)`,
            'aria-pressed': view.only.has(code),
            disabled: tree.totals[code] ? null : '',
            onclick: () => toggle(code),
          },
          swatch(code),
          `${state.name} ${count(tree.totals[code])}`,
        ),
      )
      .slice(1)
      .reverse(),
  );
  if (report.trees.length > 1) {
    $('trees').replaceChildren(
      ...report.trees.map(({ name, worst }, index) =>
        make(
          'button',
          {
            type: 'button',
            role: 'tab',
            'aria-selected': index === view.tree,
            onclick: () => open(index),
          },
          swatch(codeOf(worst)),
          name,
        ),
      ),
    );
  }
  $('shown').textContent = `${count(order.length)} of ${plural(tickers.length, 'ticker')}`;
}

function panel() {
  const { ticker, month } = view;
  const found = ticker === null ? findingsShown() : findingsOf(ticker, month);
  const parts = ticker === null ? overall(found) : ofTicker(ticker, month, found);
  parts.push(...found.slice(0, LIST + view.listed).map(article));
  const rest = found.length - LIST - view.listed;
  if (rest > 0) {
    const more = () => {
      view.listed += LIST;
      panel();
    };
    parts.push(make('button', { type: 'button', onclick: more }, `${count(rest)} more`));
  }
  if (report.left_out) {
    const leftOut =
      `${plural(report.left_out, 'more finding')}, no worse than these, would make this page ` +
      'too large: see --json or --csv. The map has every month.';
    parts.push(make('p', { class: 'faint' }, leftOut));
  }
  if (ticker === null)
    parts.push(
      ...report.unknown.map((sentence) => make('p', { class: 'faint' }, `Not known: ${sentence}`)),
    );
  $('panel').replaceChildren(...parts);
}

/** Of the rows that are shown; of what is no row, where the search does not leave it out. */
function findingsShown() {
  const rows = new Set(order),
    words = wordsOf(view.search);
  return tree.findings.filter(({ ticker }) =>
    rowOf.has(ticker)
      ? rows.has(rowOf.get(ticker))
      : !view.only.size && likeness((ticker ?? '').toUpperCase(), words) < Infinity,
  );
}

function overall(found) {
  const hint = found.length
    ? 'Worst first. Click a month of the map to see why.'
    : 'Nothing was found here.';
  return [make('h2', {}, plural(found.length, 'finding')), make('p', { class: 'faint' }, hint)];
}

function ofTicker(ticker, month, found) {
  const row = rowOf.get(ticker);
  const back = make(
    'button',
    {
      type: 'button',
      title: 'Back to all findings (Esc)',
      'aria-label': 'Back',
      onclick: () => select(null, null),
    },
    '×',
  );
  if (row === undefined) return [make('h2', {}, ticker || 'The whole tree', back)];
  const parts =
    month === null
      ? [make('h2', {}, ticker, back), make('p', {}, sums(row))]
      : ofMonth(ticker, month, stateAt(row, month), back);
  if (!found.length) parts.push(make('p', { class: 'faint' }, 'Nothing was found here.'));
  return parts;
}

function ofMonth(ticker, month, code, back) {
  const { name, says } = states[code];
  const title = make(
    'h2',
    {},
    swatch(code),
    link(ticker, () => select(ticker, null)),
    `${monthName(month)}: ${name}`,
    back,
  );
  return [title, make('p', {}, says)];
}

function article({ ticker, period, code, rule, days, file, reason }) {
  const [from, to] = days ?? [];
  const onDays = from === to ? from : `${from} to ${to}`;
  const go = () => {
    const [month] = monthsOf({ period, days });
    select(ticker, period || days ? Math.min(Math.max(month, 0), months - 1) : null);
  };
  return make(
    'article',
    {},
    make(
      'div',
      {},
      swatch(code),
      ticker === null ? make('b', {}, 'The whole tree') : link(ticker, go),
      make('span', {}, period ?? onDays),
      make('span', { class: 'what', title: rules[rule] }, rule),
    ),
    make('p', {}, reason),
    period && onDays && make('p', { class: 'faint' }, onDays),
    file && make('code', {}, file),
  );
}

function tip() {
  const box = $('tip');
  box.hidden = !hover;
  if (!hover) return;
  const { row, month, x, y } = hover,
    ticker = tickers[row];
  const what =
    month === null ? sums(row) : `${monthName(month)}: ${states[stateAt(row, month)].name}`;
  const [first, ...more] = month === null ? [] : findingsOf(ticker, month);
  const reason =
    first &&
    make(
      'div',
      {},
      first.reason,
      more.length ? ` (and ${plural(more.length, 'more finding')})` : '',
    );
  box.replaceChildren(make('b', {}, ticker), ` ${what}`, ...(reason ? [reason] : []));
  box.style.left = `${Math.max(Math.min(x + 14, map.width - box.offsetWidth - 4), 4)}px`;
  box.style.top = `${y + 22 + box.offsetHeight > map.height ? y - box.offsetHeight - 10 : y + 22}px`;
}
