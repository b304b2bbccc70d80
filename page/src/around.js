// The map around a point: one picture of the cube, and the outline of the point's pixel.
import Feature from 'ol/Feature.js';
import {fromExtent} from 'ol/geom/Polygon.js';
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import {Stroke, Style} from 'ol/style.js';
import {complain, gridMap} from './frame.js';
import {MapLayer} from './layer.js';
import {inPeriod} from './pixels.js';

const OUTLINE = [
  new Style({stroke: new Stroke({color: '#000000', width: 4})}),
  new Style({stroke: new Stroke({color: '#ffffff', width: 2})}),
];

/** Pixels of the grid that are shown along the map at first. */
const BESIDE = 60;

export class Around {
  constructor(grid) {
    this.grid = grid;
    this.mark = new VectorSource();
    this.map = gridMap(grid, [new VectorLayer({source: this.mark, style: OUTLINE, zIndex: 2})], {
      center: [(grid.left + grid.right) / 2, (grid.top + grid.bottom) / 2],
      resolution: (BESIDE * grid.resolution) / 400,
    });
  }

  /** Show a place in a picture of the cube, in a period where there are several. */
  async show([x, y], item, period) {
    const half = this.grid.resolution / 2;
    this.mark.clear();
    this.mark.addFeature(new Feature(fromExtent([x - half, y - half, x + half, y + half])));
    this.map.getView().setCenter([x, y]);
    const wanted = `${item.id} ${period}`;
    if (this.wanted === wanted) {
      return;
    }
    this.wanted = wanted;
    const next = await MapLayer.open(inPeriod(item, period, []), this.grid, [], complain);
    if (this.wanted !== wanted) {
      return; // another was chosen meanwhile
    }
    if (this.layer) {
      this.map.removeLayer(this.layer);
      this.layer.dispose();
    }
    this.layer = next.layer;
    this.map.addLayer(this.layer);
  }
}
