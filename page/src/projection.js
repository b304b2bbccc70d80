// The map is shown in the survey's own grid. Degrees and hectares come from polynomials that
// minecover fitted to the projection (geography/approximation.py), so no projection library is needed.
import Projection from 'ol/proj/Projection.js';

/** Sum of c[i][j] T_i(u) T_j(v), with Chebyshev polynomials T. */
function polynomial(coefficients, u, v) {
  const [along, across] = [u, v].map((at) => {
    const values = [1, at];
    while (values.length < coefficients.length) {
      values.push(2 * at * values.at(-1) - values.at(-2));
    }
    return values;
  });
  return coefficients.reduce(
    (sum, row, i) => sum + along[i] * row.reduce((part, c, j) => part + c * across[j], 0),
    0,
  );
}

export class Grid {
  /** @param {object} grid As `layers.json` describes it. */
  constructor(grid) {
    Object.assign(this, grid);
    [this.height, this.width] = grid.shape;
    [this.left, this.top] = grid.origin;
    this.right = this.left + this.width * grid.resolution;
    this.bottom = this.top - this.height * grid.resolution;
    this.extent = [this.left, this.bottom, this.right, this.top];
    this.projection = new Projection({code: 'SURVEY', units: 'm', extent: this.extent});
  }

  #scaled([x, y]) {
    const {centre, half} = this.fit;
    return [(x - centre[0]) / half[0], (y - centre[1]) / half[1]];
  }

  /** Longitude and latitude (WGS 84) of a place on the map. */
  degrees(place) {
    const [u, v] = this.#scaled(place);
    const longitude = polynomial(this.fit.longitude, u, v);
    return [((longitude + 540) % 360) - 180, polynomial(this.fit.latitude, u, v)];
  }

  /** Hectares on the ground of a pixel at a place on the map. */
  hectares(place) {
    const [u, v] = this.#scaled(place);
    return polynomial(this.fit.hectares, u, v);
  }

  /** Column and row of a place; null beside the map. */
  pixel([x, y]) {
    const column = Math.floor((x - this.left) / this.resolution);
    const row = Math.floor((this.top - y) / this.resolution);
    const inside = column >= 0 && row >= 0 && column < this.width && row < this.height;
    return inside ? [column, row] : null;
  }

  /** Place of a corner of pixels on the map. */
  corner([column, row]) {
    return [this.left + column * this.resolution, this.top - row * this.resolution];
  }
}
