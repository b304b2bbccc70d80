// What the published files, and the server where there is one, know of a place.
import {json} from './dom.js';
import {openPixels} from './pixels.js';

export class Places {
  #opened = new Map();

  constructor(facts, grid) {
    this.facts = facts;
    this.grid = grid;
  }

  /** Pixels that answer for a part of the map, opened once; null where it is not published. */
  pixels(name) {
    const item = this.facts.pixels[name];
    if (item && !this.#opened.has(name)) {
      this.#opened.set(name, openPixels(item, this.grid));
    }
    return this.#opened.get(name) ?? null;
  }

  async #at(name, pixel) {
    return (await this.pixels(name))?.at(pixel);
  }

  /** All that is known of a place, but for the mine; null beside the map. */
  async known(coordinate) {
    const pixel = this.grid.pixel(coordinate);
    if (!pixel) {
      return null;
    }
    const {point} = this.facts;
    const asked = point
      ? json(`${point}?column=${pixel[0]}&row=${pixel[1]}`).catch(({message}) => ({error: message}))
      : null;
    const names = ['landuse', 'probability', 'entropy', 'applicability'];
    const found = await Promise.all(names.map((name) => this.#at(name, pixel)));
    const [code, probability, entropy, dissimilarity] = found;
    return {
      degrees: this.grid.degrees(coordinate),
      code: code?.[0],
      probability,
      entropy: entropy?.[0],
      dissimilarity: dissimilarity?.[0],
      facts: await asked,
    };
  }
}
