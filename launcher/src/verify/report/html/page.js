// What the person does, and the address of the page, which says what is looked at. Starts everything.

function select(ticker, month) {
  Object.assign(view, { ticker, month, listed: 0 });
  reveal();
  panel();
  redraw();
  remember();
}

function show() {
  arrange();
  measure();
  header();
  panel();
  redraw();
  remember();
}

function showFromTop(changes) {
  Object.assign(view, { listed: 0 }, changes);
  $('scroll').scrollTop = 0;
  show();
}

function toggle(code) {
  if (!view.only.delete(code)) view.only.add(code);
  showFromTop({});
}

function open(index) {
  tree = prepared(index);
  view.tree = index;
  show();
}

function step(right, down) {
  if (!order.length) return;
  const spot = selected(),
    place = spot ? order.indexOf(spot.row) : -1;
  const next = Math.min(Math.max(place + down, 0), order.length - 1);
  select(tickers[order[next]], Math.min(Math.max((spot?.month ?? 0) + right, 0), months - 1));
}

/** Writes the view into the address. */
function remember() {
  const words = new URLSearchParams();
  if (view.tree !== worstTree) words.set('tree', report.trees[view.tree].name);
  if (view.search) words.set('search', view.search);
  if (view.sort !== 'worst') words.set('sort', view.sort);
  if (view.only.size) words.set('only', [...view.only].map((code) => states[code].key).join(','));
  if (view.ticker !== null) words.set('ticker', view.ticker);
  if (view.month !== null) words.set('month', monthName(view.month));
  history.replaceState(null, '', words.size ? `#${words}` : location.pathname + location.search);
}

/** Reads it; what makes no sense there is passed over. */
function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  const asked = report.trees.findIndex(({ name }) => name === words.get('tree'));
  view.tree = asked < 0 ? worstTree : asked;
  tree = prepared(view.tree);
  view.search = words.get('search') ?? '';
  view.sort = Object.hasOwn(sorts, words.get('sort')) ? words.get('sort') : 'worst';
  view.only = new Set(
    (words.get('only') ?? '')
      .split(',')
      .map(codeOf)
      .filter((code) => code > 0),
  );
  view.ticker = words.get('ticker');
  const month = words.has('month') ? monthNumber(words.get('month')) - firstMonth : -1;
  view.month = month >= 0 && month < months && view.ticker !== null ? month : null;
  view.listed = 0;
  $('search').value = view.search;
  $('sort').value = view.sort;
}

function listen() {
  const scroll = $('scroll');
  const point = (spot) => {
    hover = spot;
    tip();
    redraw();
  };
  const repaint = () => {
    paint();
    redraw();
  };
  scroll.addEventListener('scroll', () => point(null), { passive: true });
  scroll.addEventListener('mousemove', (event) => point(spotAt(event)));
  scroll.addEventListener('mouseleave', () => point(null));
  scroll.addEventListener('click', (event) => {
    const spot = spotAt(event);
    if (spot) select(tickers[spot.row], spot.month);
  });
  $('overview').addEventListener('pointerdown', ({ target, pointerId }) =>
    target.setPointerCapture(pointerId),
  );
  for (const name of ['pointerdown', 'pointermove']) {
    $('overview').addEventListener(name, ({ buttons, offsetY }) => {
      if (buttons)
        scroll.scrollTop =
          ((offsetY - AXIS) / Math.max(map.drawn, 1)) * order.length * map.row - map.height / 2;
    });
  }
  $('search').addEventListener('input', ({ target }) =>
    showFromTop({ search: target.value, ticker: null, month: null }),
  );
  $('sort').addEventListener('change', ({ target }) => showFromTop({ sort: target.value }));
  $('theme').addEventListener('click', () => {
    theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    repaint();
  });
  dark.addEventListener('change', repaint);
  addEventListener('resize', () => {
    measure();
    redraw();
  });
  addEventListener('hashchange', () => {
    recall();
    show();
    reveal();
  });
  addEventListener('keydown', press);
}

function press(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === 'Escape') {
    $('search').blur();
    select(null, null);
  } else if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.matches('input, select')
  ) {
    // These have keys of their own.
  } else if (event.key === '/') {
    event.preventDefault();
    $('search').select();
  } else if (steps[event.key]) {
    event.preventDefault();
    step(...steps[event.key]);
  }
}

report.findings = report.findings.map(named);
recall();
arrange();
measure();
paint();
header();
panel();
reveal();
draw();
drawOverview();
listen();
// Now it can be used: after so many milliseconds.
document.body.dataset.ready = Math.round(performance.now());
