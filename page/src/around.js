// The map around a point: one picture of the cube, and the outline of the point's pixel.
import OlMap from 'ol/Map.js';
import View from 'ol/View.js';
import Feature from 'ol/Feature.js';
import {defaults as interactions} from 'ol/interaction/defaults.js';
import ScaleLine from 'ol/control/ScaleLine.js';
import Zoom from 'ol/control/Zoom.js';
import {fromExtent} from 'ol/geom/Polygon.js';
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import {Stroke, Style} from 'ol/style.js';
import {MapLayer} from './layer.js';

const OUTLINE = [
  new Style({stroke: new Stroke({color: '#000000', width: 4})}),
  new Style({stroke: new Stroke({color: '#ffffff', width: 2})}),
];

const BESIDE = 60;
/** Pixels of the grid that are shown along the map at first. */

export class Around {
  /** @param {function(Error)} failed Told what went wrong with a tile. */
  constructor(target, scale, grid, failed) {
    this.grid = grid;
    this.failed = failed;
    this.mark = new VectorSource();
    this.map = new OlMap({
      target,
      controls: [new Zoom(), new ScaleLine({target: scale, minWidth: 90})],
      interactions: interactions({altShiftDragRotate: false, pinchRotate: false}),
      layers: [new VectorLayer({source: this.mark, style: OUTLINE, zIndex: 2})],
      view: new View({
        projection: grid.projection,
        center: [(grid.left + grid.right) / 2, (grid.top + grid.bottom) / 2],
        resolution: (BESIDE * grid.resolution) / 400,
        minResolution: grid.resolution / 24,
        extent: grid.extent,
        constrainOnlyCenter: true,
        enableRotation: false,
      }),
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
    const tiles = period ? `${item.tiles}&period=${encodeURIComponent(period)}` : item.tiles;
    const next = await MapLayer.open({...item, tiles}, this.grid, [], this.failed);
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
