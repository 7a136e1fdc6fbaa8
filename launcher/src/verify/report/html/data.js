// The data of the page: read from #data, and put into order. Draws nothing.
//
// In #data a row of cells is its runs in time order: a length (none is 1) and the letter of a state.
// `=` is the row before once more. States are listed from the best to the worst.

const report = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const { states, rules, tickers, months } = report;
const letters = new Map(states.map((state, code) => [state.letter.charCodeAt(0), code]));
const rowOf = new Map(tickers.map((ticker, row) => [ticker, row]));
const codeOf = (key) => states.findIndex((state) => state.key === key);

/** What the person looks at; kept in the address, so that a view can be passed on. */
const view = {
  tree: 0,
  search: '',
  sort: 'worst',
  only: new Set(),
  ticker: null,
  month: null,
  listed: 0,
};
/** The tree that is shown, and its rows in the order in which they are shown. */
let tree,
  order = [];

/** The tree that is shown first. */
const worstTree = report.trees
  .map(({ worst }) => codeOf(worst))
  .reduce((best, code, index, codes) => (code > codes[best] ? index : best), 0);

const count = (number) => number.toLocaleString('en-US');
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

function decode(runs) {
  const cells = new Uint8Array(months * tickers.length);
  let at = 0,
    length = 0;
  for (let i = 0; i < runs.length; i++) {
    const code = runs.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      length = length * 10 + code - 48;
    } else if (code === 61) {
      cells.copyWithin(at, at - months, at);
      at += months;
    } else {
      const end = at + (length || 1);
      cells.fill(letters.get(code), at, end);
      at = end;
      length = 0;
    }
  }
  return cells;
}

/** The tree with what follows from its data; worked out when it is first shown. */
function prepared(index) {
  const tree = report.trees[index];
  if (tree.cells) return tree;
  tree.cells = decode(tree.runs);
  tree.counts = new Uint32Array(tickers.length * states.length);
  for (let row = 0, at = 0; row < tickers.length; row++) {
    for (let month = 0; month < months; month++)
      tree.counts[row * states.length + tree.cells[at++]] += 1;
  }
  tree.totals = new Float64Array(states.length);
  tree.counts.forEach((number, at) => {
    tree.totals[at % states.length] += number;
  });
  tree.findings = report.findings.filter((finding) => finding.tree === index);
  tree.byTicker = new Map();
  for (const finding of tree.findings) {
    const { ticker } = finding;
    tree.byTicker
      .set(ticker, tree.byTicker.get(ticker) ?? [])
      .get(ticker)
      .push(finding);
  }
  return tree;
}

/** A finding as #data has it, with its parts by name. */
function named([tree, ticker, period, code, rule, days, file, reason]) {
  const name = typeof ticker === 'number' ? tickers[ticker] : ticker;
  return {
    tree,
    ticker: name,
    period,
    code,
    rule,
    days,
    reason,
    file: file === 1 ? ownFile(tree, name, period) : file,
  };
}

/** `AAPL/year=2024/month=03/minute.parquet` */
function ownFile(tree, ticker, period) {
  const [year, month, day] = period.split('-');
  const folders = [`year=${year}`, month && `month=${month}`, day && `day=${period}`];
  return [ticker, ...folders.filter(Boolean), report.trees[tree].file_name].join('/');
}

const monthNumber = (date) => Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7) || 1) - 1;
const firstMonth = monthNumber(report.from);
const monthName = (month) => {
  const number = firstMonth + month;
  return `${Math.floor(number / 12)}-${String((number % 12) + 1).padStart(2, '0')}`;
};

/** First and last month that a finding is about; all of them where it names none. */
function monthsOf({ period, days }) {
  if (!period && !days) return [0, months - 1];
  const [from, to] = days ?? [period, period.length === 4 ? `${period}-12` : period];
  return [monthNumber(from) - firstMonth, monthNumber(to) - firstMonth];
}

/** What was found of a ticker; of one month, where that is not null. */
function findingsOf(ticker, month) {
  return (tree.byTicker.get(ticker) ?? []).filter((finding) => {
    const [from, to] = monthsOf(finding);
    return month === null || (from <= month && month <= to);
  });
}

const stateAt = (row, month) => tree.cells[row * months + month];
const countOf = (row, code) => tree.counts[row * states.length + code];
const badOf = (row) =>
  states.reduce((sum, { bad }, code) => sum + (bad ? countOf(row, code) : 0), 0);
/** `3 damaged · 1 missing · 258 covered` */
const sums = (row) =>
  states
    .map(({ name }, code) => [countOf(row, code), name])
    .reverse()
    .filter(([number]) => number)
    .map(([number, name]) => `${count(number)} ${name}`)
    .join(' · ');

// Tickers are sorted in #data, and sorting is stable: rows that are alike stay in the order of names.
const sorts = {
  ticker: () => 0,
  missing: (a, b) => countOf(b, codeOf('missing')) - countOf(a, codeOf('missing')),
  worst(a, b) {
    for (let code = states.length - 1; states[code].bad; code--) {
      const difference = countOf(b, code) - countOf(a, code);
      if (difference) return difference;
    }
    return 0;
  },
};

const wordsOf = (search) =>
  search
    .toUpperCase()
    .split(/[\s,]+/)
    .filter(Boolean);
/** 0 where the name is what was searched, 1 where it begins so, 2 where it contains it. */
function likeness(name, words) {
  if (!words.length || words.includes(name)) return 0;
  if (words.some((word) => name.startsWith(word))) return 1;
  return words.some((word) => name.includes(word)) ? 2 : Infinity;
}

/** Which rows are shown, and in which order. */
function arrange() {
  const words = wordsOf(view.search);
  const like = new Map();
  const isShown = (row) => {
    like.set(row, likeness(tickers[row].toUpperCase(), words));
    return (
      like.get(row) < Infinity &&
      (!view.only.size || [...view.only].some((code) => countOf(row, code)))
    );
  };
  order = [...tickers.keys()].filter(isShown).sort(sorts[view.sort]);
  if (words.length) order.sort((a, b) => like.get(a) - like.get(b));
}
