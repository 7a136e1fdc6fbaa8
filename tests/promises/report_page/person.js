// What a person does on the page, one step after the other; what is seen then goes into the document.

const seen = {};
const frame = () => {
  draw();
  drawOverview();
};
const inView = () => $('scroll').getAttribute('aria-label').replace('In view: ', '');
const type = (text) => {
  $('search').value = text;
  $('search').dispatchEvent(new Event('input', { bubbles: true }));
  frame();
};
const press = (key) => {
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  frame();
};
const sort = (by) => {
  $('sort').value = by;
  $('sort').dispatchEvent(new Event('change'));
  frame();
};
const at = (row, month) => {
  const box = $('scroll').getBoundingClientRect();
  const [x, y] = [NAMES + (month + 0.5) * map.cell, AXIS + (row + 0.5) * map.row];
  return { x, y, clientX: box.left + x, clientY: box.top + y, bubbles: true };
};
const pixel = (row, month) => {
  const { x, y } = at(row, month);
  // Beside the sign in the middle of a cell.
  const spot = [(x - map.cell * 0.35) * devicePixelRatio, (y - map.row * 0.3) * devicePixelRatio, 1, 1];
  return [
    ...$('cells')
      .getContext('2d')
      .getImageData(...spot)
      .data.slice(0, 3),
  ].join();
};
const rgb = (name) => {
  const sample = make('span', { style: '' });
  sample.style.color = colours[name];
  document.body.append(sample);
  return getComputedStyle(sample).color.replace(/[^\d,]/g, '');
};

frame();
seen.worstFirst = inView();
seen.colours = [3, 4, 5].map(
  (month) => states.find(({ key }) => rgb(key) === pixel(0, month))?.key,
);
sort('ticker');
seen.byTicker = inView();
sort('missing');
seen.byMissing = inView();
sort('worst');

type('g');
seen.searched = inView();
seen.shown = $('shown').textContent;
type('nobody');
seen.nobody = inView();
type('');

[...document.querySelectorAll('#legend button')]
  .find((button) => button.textContent.includes('suspect'))
  .click();
frame();
seen.onlySuspect = inView();
[...document.querySelectorAll('#legend button')]
  .find((button) => button.textContent.includes('suspect'))
  .click();
frame();

$('scroll').dispatchEvent(new MouseEvent('mousemove', at(0, 4)));
seen.tip = $('tip').textContent;
$('scroll').dispatchEvent(new MouseEvent('click', at(0, 4)));
seen.panel = $('panel').querySelector('h2').textContent;
seen.articles = [...$('panel').querySelectorAll('article')].map((it) => it.textContent);
seen.address = location.hash;
press('ArrowRight');
seen.right = $('panel').querySelector('h2').textContent;
press('Escape');
seen.back = $('panel').querySelector('h2').textContent;

document.querySelectorAll('#trees button')[1].click();
frame();
seen.otherTree = $('verdict').textContent;
seen.isAlarmed = Boolean(window.alarmed);

const { width } = getComputedStyle($('map'));
seen.isWide = parseFloat(width) > 300;
document.body.append(make('pre', { id: 'seen' }, JSON.stringify(seen)));
