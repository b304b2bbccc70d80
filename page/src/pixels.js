// Pixels of a raster as they are stored: of a COG by ranges of its file, or of the store by the
// server of `minecover view`. Both give tiles of plain arrays, one for each band.
import TileGrid from 'ol/tilegrid/TileGrid.js';
import {fromUrl} from 'geotiff';
import {floats} from './requests.js';

export const EDGE = 256;

const KEPT_BYTES = 48 * 2 ** 20;

/** Least recently used tiles, up to a number of bytes, over all rasters. */
class Cache {
  #items = new Map();
  #bytes = 0;

  get(key) {
    const item = this.#items.get(key);
    if (item) {
      this.#items.delete(key);
      this.#items.set(key, item);
    }
    return item;
  }

  set(key, item) {
    this.#items.set(key, item);
    this.#bytes += bytesOf(item);
    for (const [old, tile] of this.#items) {
      if (this.#bytes <= KEPT_BYTES) {
        break;
      }
      this.#items.delete(old);
      this.#bytes -= bytesOf(tile);
    }
  }
}

const bytesOf = (tile) => tile.bands.reduce((sum, band) => sum + band.byteLength, 0);

const cache = new Cache();

class Pixels {
  /** Tile of some bands: `{bands, width, height}`. */
  async tile(z, x, y, signal) {
    const key = `${this.key}/${z}/${x}/${y}`;
    const known = cache.get(key);
    if (known) {
      return known;
    }
    const tile = await this.read(z, x, y, signal);
    cache.set(key, tile);
    return tile;
  }

  /** Level of whole pixels. */
  get finest() {
    return this.tileGrid.getMaxZoom();
  }

  /** Values of the bands at a pixel. */
  async at([column, row]) {
    const tile = await this.tile(this.finest, Math.floor(column / EDGE), Math.floor(row / EDGE));
    return tile.bands.map((band) => band[(row % EDGE) * tile.width + (column % EDGE)]);
  }
}

const files = new Map();

/** Images of a COG, from the coarsest overview to the whole; opened once. */
function open(url) {
  if (!files.has(url)) {
    files.set(url, images(url));
  }
  return files.get(url);
}

/** Why a file cannot be read, which the library does not say. */
async function reason(url, error) {
  const answer = await fetch(url, {headers: {range: 'bytes=0-15'}, cache: 'no-store'});
  await answer.body?.cancel();
  if (answer.status === 200) {
    return new Error(
      'This server gives no parts of files (HTTP ranges), which maps are read by. ' +
        'Use another, or `minecover view`.',
    );
  }
  return answer.ok ? error : new Error(`${url}: ${answer.status} ${answer.statusText}`);
}

async function images(url) {
  try {
    return await levels(url);
  } catch (error) {
    throw await reason(url, error);
  }
}

async function levels(url) {
  const tiff = await fromUrl(url, {blockSize: 65536, cacheSize: 64});
  const count = await tiff.getImageCount();
  const found = await Promise.all(Array.from({length: count}, (_, n) => tiff.getImage(n)));
  return found.sort((a, b) => a.getWidth() - b.getWidth());
}

export class CogPixels extends Pixels {
  /** @param {object} item Its `step`: of how many pixels of the grid along an edge it shows one. */
  static async open(item, grid) {
    return new CogPixels(item, grid, await open(item.url));
  }

  constructor({url, bands, scale, offset, step = 1}, grid, levels) {
    super();
    this.key = `${url}#${bands}`;
    this.samples = bands.map((band) => band - 1);
    this.levels = levels;
    this.scale = scale;
    this.offset = offset;
    const width = levels.at(-1).getWidth() * step * grid.resolution;
    this.tileGrid = new TileGrid({
      origin: [grid.left, grid.top],
      extent: grid.extent,
      resolutions: levels.map((image) => width / image.getWidth()),
      tileSize: EDGE,
    });
  }

  async read(z, x, y, signal) {
    return this.#window(this.levels[z], [x * EDGE, y * EDGE], EDGE, signal);
  }

  async #window(image, [left, top], edge, signal) {
    const right = Math.min(left + edge, image.getWidth());
    const bottom = Math.min(top + edge, image.getHeight());
    const bands = await image.readRasters({
      window: [left, top, right, bottom],
      samples: this.samples,
      interleave: false,
      signal,
    });
    const values = this.scale ? bands.map((band, n) => this.#values(band, n)) : [...bands];
    return {bands: values, width: right - left, height: bottom - top};
  }

  /** Values that bytes stand for; 0 is none. */
  #values(bytes, n) {
    const [scale, offset] = [this.scale[n], this.offset[n]];
    return Float32Array.from(bytes, (value) => (value ? offset + scale * value : NaN));
  }
}

export class StorePixels extends Pixels {
  /** @param {object} item Its `tiles`: their address without their place. */
  constructor({tiles, stored, levels}, grid) {
    super();
    this.key = tiles;
    this.url = tiles;
    this.bands = stored.length;
    this.tileGrid = new TileGrid({
      origin: [grid.left, grid.top],
      extent: grid.extent,
      resolutions: Array.from({length: levels}, (_, z) => grid.resolution * 2 ** (levels - 1 - z)),
      tileSize: EDGE,
    });
    this.levels = levels;
  }

  async read(z, x, y, signal) {
    const step = 2 ** (this.levels - 1 - z);
    const values = await floats(`${this.url}&step=${step}&column=${x}&row=${y}`, signal);
    const size = EDGE * EDGE;
    const bands = Array.from({length: this.bands}, (_, n) => values.subarray(n * size, (n + 1) * size));
    return {bands, width: EDGE, height: EDGE};
  }
}

/**
 * Where the pixels of an item of `layers.json` are in a period; null: it has none of that period.
 * Files are of the latest period, unless they are published for each or are of two; the server has
 * all.
 */
export function inPeriod(item, period, periods) {
  if (item.of_pair) {
    return item; // of two periods, whichever is shown
  }
  const latest = !period || period === periods.at(-1);
  if (item.periods?.[period]) {
    return {...item, ...item.periods[period]};
  }
  if (item.tiles && period && !(latest && item.url)) {
    return {...item, url: null, tiles: `${item.tiles}&period=${encodeURIComponent(period)}`};
  }
  return latest ? item : null;
}

/** Of an overview from afar, of the store near by. */
class JoinedPixels extends Pixels {
  constructor(far, near, grid) {
    super();
    this.key = `${far.key} ${near.key}`;
    const afar = far.tileGrid.getResolutions();
    const closer = near.tileGrid.getResolutions().filter((each) => each < 0.75 * afar.at(-1));
    this.levels = [
      ...afar.map((_, z) => [far, z]),
      ...closer.map((_, n) => [near, near.finest + 1 - closer.length + n]),
    ];
    this.tileGrid = new TileGrid({
      origin: [grid.left, grid.top],
      extent: grid.extent,
      resolutions: [...afar, ...closer],
      tileSize: EDGE,
    });
  }

  async read(z, x, y, signal) {
    const [pixels, level] = this.levels[z];
    return pixels.read(level, x, y, signal);
  }
}

/** Open the pixels of an item of `layers.json`. */
export async function openPixels(item, grid) {
  if (!item.url) {
    return new StorePixels(item, grid);
  }
  const pixels = await CogPixels.open(item, grid);
  return item.tiles && item.step > 1 ? new JoinedPixels(pixels, new StorePixels(item, grid), grid) : pixels;
}
