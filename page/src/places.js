// What the published files, and the server where there is one, know of a place.
import {inPeriod, openPixels} from './pixels.js';
import {json} from './requests.js';

export class Places {
  #opened = new Map();

  constructor(facts, grid) {
    this.facts = facts;
    this.grid = grid;
  }

  /** Pixels that answer for a part of the map, opened once; null where they are not there. */
  pixels(name, period) {
    const {pixels, periods} = this.facts;
    const item = pixels[name] ? inPeriod(pixels[name], period, periods) : null;
    const key = `${name} ${period}`;
    if (item && !this.#opened.has(key)) {
      this.#opened.set(key, openPixels(item, this.grid));
    }
    return this.#opened.get(key) ?? null;
  }

  async #at(name, pixel, period) {
    return (await this.pixels(name, period))?.at(pixel);
  }

  /** All that is known of a place in a period, but for the mine; null beside the map. */
  async known(coordinate, period) {
    const pixel = this.grid.pixel(coordinate);
    if (!pixel) {
      return null;
    }
    const {point} = this.facts;
    const asked = point
      ? json(`${point}?column=${pixel[0]}&row=${pixel[1]}&period=${encodeURIComponent(period)}`).catch(({message}) => ({error: message}))
      : null;
    const names = ['landuse', 'probability', 'entropy', 'applicability'];
    const found = await Promise.all(names.map((name) => this.#at(name, pixel, period)));
    const [code, probability, entropy, dissimilarity] = found;
    const {periods} = this.facts;
    const codes = await Promise.all(periods.map((name) => this.#at('landuse', pixel, name)));
    return {
      degrees: this.grid.degrees(coordinate),
      code: code?.[0],
      probability,
      entropy: entropy?.[0],
      dissimilarity: dissimilarity?.[0],
      latest: !period || period === periods.at(-1),
      history: periods.map((name, n) => [name, codes[n]?.[0]]).filter(([, code]) => code !== undefined),
      facts: await asked,
    };
  }
}
