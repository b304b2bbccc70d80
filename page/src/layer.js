// A layer of the map: pixels, the colours they get, and a tile layer that draws them unblended.
import ImageTileSource from 'ol/source/ImageTile.js';
import TileLayer from 'ol/layer/Tile.js';
import {colouring} from './colours.js';
import {CogPixels, EDGE, StorePixels} from './pixels.js';

const TILES = 96;

/** Open the pixels of an item of `layers.json`. */
export async function openPixels(item, grid) {
  if (item.url) {
    return CogPixels.open(item.url, item.bands, grid);
  }
  return new StorePixels(item.tiles, item.bands.length, grid, item.levels);
}

export class MapLayer {
  static async open(item, grid, classes) {
    return new MapLayer(item, grid, classes, await openPixels(item, grid));
  }

  constructor(item, grid, classes, pixels) {
    this.item = item;
    this.pixels = pixels;
    this.classes = classes;
    this.paint = colouring(item, classes, new Set());
    this.source = new ImageTileSource({
      loader: (z, x, y, {signal}) => this.#draw(z, x, y, signal),
      tileGrid: pixels.tileGrid,
      projection: grid.projection,
      interpolate: false,
      transition: 0,
      wrapX: false,
    });
    const coarsest = pixels.tileGrid.getResolution(0);
    this.layer = new TileLayer({
      source: this.source,
      cacheSize: TILES,
      // the store has no overviews: from afar a tile would mean reading everything
      maxResolution: item.url ? Infinity : coarsest * 1.5,
    });
  }

  /** Leave classes out of what is drawn. */
  hide(codes) {
    this.paint = colouring(this.item, this.classes, codes);
    this.source.refresh();
  }

  async #draw(z, x, y, signal) {
    const {bands, width, height} = await this.pixels.tile(z, x, y, signal);
    const image = new ImageData(width, height);
    this.paint(bands, new Int32Array(image.data.buffer));
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = EDGE;
    canvas.getContext('2d').putImageData(image, 0, 0);
    return canvas;
  }
}
