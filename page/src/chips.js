// Chips of a point: the ground around it in every season, drawn pixel by pixel.
import {colouring} from './colours.js';
import {label, make} from './dom.js';
import {floats} from './requests.js';

const KEPT = 8;

/** Values of one band in another's place: (near infrared - red) / (near infrared + red). */
const greenness = ([near, red]) => [near.map((value, n) => (value - red[n]) / (value + red[n]))];

const parts = (item, bands) => (item.kind === 'ndvi' ? greenness(bands) : bands);

export class Chips {
  #kept = new Map();

  /** @param {object} facts What the server says of the project. */
  constructor(facts) {
    this.facts = facts;
    this.place = new Map(facts.layers.map((name, n) => [name, n]));
    this.edge = facts.edges[1];
  }

  /** Values around a point, layer by layer; the latest are kept. */
  values(key) {
    const query = new URLSearchParams({question: key, edge: this.edge});
    const url = `api/chip?${query}`;
    if (!this.#kept.has(url)) {
      const read = floats(url);
      this.#kept.set(url, read);
      read.catch(() => this.#kept.delete(url));
      if (this.#kept.size > KEPT) {
        this.#kept.delete(this.#kept.keys().next().value);
      }
    }
    return this.#kept.get(url);
  }

  /** Another width of the ground that is shown: the next in order, or before it. */
  widen(steps) {
    const {edges} = this.facts;
    const place = edges.indexOf(this.edge) + steps;
    this.edge = edges[Math.min(Math.max(place, 0), edges.length - 1)];
  }

  /** A table of chips: rows of pictures, columns of seasons. */
  table(values, chosen, choose) {
    const {pictures, seasons} = this.facts;
    const rows = Map.groupBy(pictures, (item) => item.row);
    const titles = [...rows.values()].map(([first]) => first.group);
    const heading = ([first]) =>
      titles.filter((title) => title === first.group).length > 1 ? first.row : first.group;
    const body = [...rows.values()].map((items) =>
      make(
        'tr',
        {},
        make('th', {scope: 'row'}, heading(items)),
        seasons.map((season) => {
          const item = items.find((one) => one.season === season);
          return make('td', {}, item ? this.#chip(item, values, item.id === chosen, choose) : '–');
        }),
      ),
    );
    return make(
      'table',
      {class: 'chips'},
      make('thead', {}, make('tr', {}, make('td'), seasons.map((season) => make('th', {scope: 'col'}, label(season))))),
      make('tbody', {}, body),
    );
  }

  #chip(item, values, chosen, choose) {
    const {edge} = this;
    const size = edge * edge;
    const bands = item.stored.map((name) => {
      const at = this.place.get(name) * size;
      return values.subarray(at, at + size);
    });
    const image = new ImageData(edge, edge);
    const shown = new Int32Array(image.data.buffer);
    const paint = colouring(item.kind === 'ndvi' ? {...item, kind: 'ramp'} : item, [], new Set());
    paint(parts(item, bands), shown);
    const canvas = make('canvas', {width: edge, height: edge});
    canvas.getContext('2d').putImageData(image, 0, 0);
    const seen = shown[(size - 1) / 2] !== 0;
    const mark = make('span', {class: 'pixel', 'aria-hidden': 'true'});
    mark.style.setProperty('--share', 1 / edge);
    const text = `${item.title}${seen ? '' : ', not observed here'}`;
    const content = [canvas, mark, seen ? null : make('span', {class: 'unseen', 'aria-hidden': 'true'}, 'not observed')];
    if (!item.tiles) {
      return make('div', {class: 'chip', role: 'img', 'aria-label': text, title: item.title}, ...content);
    }
    return make(
      'button',
      {
        type: 'button',
        class: 'chip',
        'aria-pressed': String(chosen),
        'aria-label': `${text}: show on the map`,
        title: item.title,
        onclick: () => choose(item.id),
      },
      ...content,
    );
  }
}
