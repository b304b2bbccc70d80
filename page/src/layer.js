// A layer of the map: pixels, the colours they get, and a tile layer that draws them unblended.
import ImageTileSource from 'ol/source/ImageTile.js';
import TileLayer from 'ol/layer/Tile.js';
import {colouring} from './colours.js';
import {EDGE, openPixels} from './pixels.js';

const TILES = 96;

export class MapLayer {
  /** @param {function(Error)} failed Told what went wrong with a tile. */
  static async open(item, grid, classes, failed) {
    return new MapLayer(item, grid, classes, failed, await openPixels(item, grid));
  }

  constructor(item, grid, classes, failed, pixels) {
    this.item = item;
    this.failed = failed;
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
    // OpenLayers 10.10 takes a source's revision of 0 for none and keeps its tiles when it is
    // refreshed for the first time
    this.source.changed();
    const coarsest = pixels.tileGrid.getResolution(0);
    this.layer = new TileLayer({
      source: this.source,
      cacheSize: TILES,
      // without an overview a tile from afar would mean reading everything
      maxResolution: item.url ? Infinity : coarsest * 1.5,
    });
  }

  /** Leave classes out of what is drawn. */
  hide(codes) {
    this.paint = colouring(this.item, this.classes, codes);
    this.source.refresh();
  }

  async #pixels(z, x, y, signal) {
    try {
      return await this.pixels.tile(z, x, y, signal);
    } catch (error) {
      if (!signal?.aborted) {
        this.failed(error); // else the map has moved on
      }
      throw error;
    }
  }

  async #draw(z, x, y, signal) {
    const {bands, width, height} = await this.#pixels(z, x, y, signal);
    const image = new ImageData(width, height);
    this.paint(bands, new Int32Array(image.data.buffer));
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = EDGE;
    canvas.getContext('2d').putImageData(image, 0, 0);
    return canvas;
  }
}
