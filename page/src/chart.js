// A feature over the seasons: the pixel against what is typical of some classes.
import {draw, label, number} from './dom.js';

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [300, 150, 42, 22, 8];

/**
 * @param {Array<string>} seasons In order.
 * @param {Array<number|null>} values Of the pixel, by season.
 * @param {Array<{name: string, colour: string, middle: Array, low: Array, high: Array}>} classes
 *   Median and quartiles of the labelled points of each class, by season.
 */
export function seasonChart(seasons, values, classes) {
  const known = [values, ...classes.flatMap((item) => [item.low, item.high])].flat();
  const numbers = known.filter((value) => value !== null);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const pad = (high - low || 1) * 0.06;
  const x = (n) =>
    LEFT + ((n + 0.5) * (WIDTH - LEFT)) / seasons.length;
  const y = (value) =>
    TOP + ((high + pad - value) / (high - low + 2 * pad || 1)) * (HEIGHT - TOP - BOTTOM);
  const points = (series) =>
    series.map((value, n) => (value === null ? null : [x(n), y(value)])).filter(Boolean);
  const path = (series) => points(series).map((point) => point.join(',')).join(' ');
  const text = `${seasons.map((season, n) => `${label(season)} ${number(values[n])}`).join(', ')}`;
  return draw(
    'svg',
    {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', role: 'img', 'aria-label': text},
    [low, (low + high) / 2, high].map((value) => [
      draw('line', {x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: 'rule'}),
      draw('text', {x: LEFT - 5, y: y(value) + 3, class: 'tick end'}, number(value, 2)),
    ]).flat(),
    seasons.map((season, n) =>
      draw('text', {x: x(n), y: HEIGHT - 6, class: 'tick middle'}, label(season)),
    ),
    classes.map((item) => [
      draw('polygon', {
        points: `${path(item.high)} ${points(item.low).reverse().map((p) => p.join(',')).join(' ')}`,
        fill: item.colour,
        'fill-opacity': 0.22,
      }),
      draw('polyline', {points: path(item.middle), fill: 'none', stroke: item.colour, 'stroke-width': 2}),
    ]).flat(),
    draw('polyline', {points: path(values), class: 'own'}),
    points(values).map(([cx, cy]) => draw('circle', {cx, cy, r: 3.5, class: 'own-point'})),
  );
}
