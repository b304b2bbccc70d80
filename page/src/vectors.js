// Mines, labelled points and the place that is asked about, over the map.
import Feature from 'ol/Feature.js';
import Point from 'ol/geom/Point.js';
import MultiPolygon from 'ol/geom/MultiPolygon.js';
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import {Circle, Fill, Stroke, Style} from 'ol/style.js';

const casing = new Style({stroke: new Stroke({color: '#000000', width: 3.5})});
const line = new Style({stroke: new Stroke({color: '#ffd24a', width: 1.8})});

/** A place that was asked about. */
export const ASKED = new Style({
  image: new Circle({
    radius: 7,
    fill: new Fill({color: 'rgba(255, 255, 255, 0.35)'}),
    stroke: new Stroke({color: '#000000', width: 2}),
  }),
});

/** Outlines of mines: parts of rings of corners of pixels. */
export function mineLayer(document, grid) {
  const place = (rings) => rings.map((ring) => ring.map((corner) => grid.corner(corner)));
  const features = document.mines.map(({parts, ...sheet}) => {
    const geometry = new MultiPolygon(parts.map(place));
    const feature = new Feature(geometry);
    feature.set('sheet', sheet);
    return feature;
  });
  return new VectorLayer({source: new VectorSource({features}), style: [casing, line], zIndex: 10});
}

/** Labelled points in the colours of their classes. */
export function sampleLayer(document, classes) {
  const styles = new Map(
    classes.map((item) => [
      item.name,
      new Style({
        image: new Circle({
          radius: 4,
          fill: new Fill({color: item.colour}),
          stroke: new Stroke({color: '#ffffff', width: 1.2}),
        }),
      }),
    ]),
  );
  const features = document.points.map(([x, y, name]) => {
    const feature = new Feature(new Point([x, y]));
    feature.setStyle(styles.get(name));
    return feature;
  });
  return new VectorLayer({source: new VectorSource({features}), zIndex: 11});
}
