// Pixels whose centres lie in a polygon, counted by class on the whole image, strip by strip.

export const MOST_PIXELS = 25e6;

/** Columns between which a row lies inside a ring (even-odd), from the crossings of its edges. */
export function spans(ring, row, width) {
  const y = row + 0.5;
  const crossings = [];
  for (let n = 0; n < ring.length - 1; ++n) {
    const [[x1, y1], [x2, y2]] = [ring[n], ring[n + 1]];
    if (y1 <= y !== y2 <= y) {
      crossings.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    }
  }
  crossings.sort((a, b) => a - b);
  const found = [];
  for (let n = 0; n + 1 < crossings.length; n += 2) {
    const first = Math.max(0, Math.ceil(crossings[n] - 0.5));
    const last = Math.min(width, Math.ceil(crossings[n + 1] - 0.5));
    if (first < last) {
      found.push([first, last]);
    }
  }
  return found;
}

/**
 * Hectares by class code in a polygon.
 * @param {import('./pixels.js').CogPixels} pixels Of the class codes.
 * @param {import('./projection.js').Grid} grid
 * @param {Array<Array<number>>} ring Corners on the map; the first is the last.
 */
export async function hectaresByClass(pixels, grid, ring) {
  const corners = ring.map(([x, y]) => [
    (x - grid.left) / grid.resolution,
    (grid.top - y) / grid.resolution,
  ]);
  const rows = corners.map(([, row]) => row);
  const columns = corners.map(([column]) => column);
  const top = Math.max(0, Math.floor(Math.min(...rows)));
  const bottom = Math.min(grid.height, Math.ceil(Math.max(...rows)));
  const wide = Math.min(grid.width, Math.max(...columns)) - Math.max(0, Math.min(...columns));
  if ((bottom - top) * wide > MOST_PIXELS) {
    throw new Error('The polygon is too large to be counted here: draw one of at most 50 km by 50 km');
  }
  const hectares = new Map();
  const edge = 256;
  for (let strip = Math.floor(top / edge); strip * edge < bottom; ++strip) {
    const tiles = new Map();
    for (let row = Math.max(top, strip * edge); row < Math.min(bottom, (strip + 1) * edge); ++row) {
      for (const [first, last] of spans(corners, row, grid.width)) {
        const size = grid.hectares(grid.corner([(first + last) / 2, row + 0.5]));
        for (let column = first; column < last; ) {
          const x = Math.floor(column / edge);
          if (!tiles.has(x)) {
            tiles.set(x, await pixels.tile(pixels.finest, x, strip));
          }
          const {bands, width} = tiles.get(x);
          const end = Math.min(last, (x + 1) * edge);
          for (; column < end; ++column) {
            const code = bands[0][(row % edge) * width + (column % edge)];
            hectares.set(code, (hectares.get(code) ?? 0) + size);
          }
        }
      }
    }
  }
  return hectares;
}
