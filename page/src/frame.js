// What the pages have in common: where they say what is wrong, what was simulated, and their map.
import OlMap from 'ol/Map.js';
import View from 'ol/View.js';
import {defaults as interactions} from 'ol/interaction/defaults.js';
import ScaleLine from 'ol/control/ScaleLine.js';
import Zoom from 'ol/control/Zoom.js';
import {make} from './dom.js';

export const byId = (id) => document.getElementById(id);

/** Say what went wrong where people look; nothing: take it away. */
export function complain(error = null) {
  byId('trouble').textContent = error ? String(error.message ?? error) : '';
  byId('trouble').hidden = !error;
}

/** Say which sources were simulated, if any. */
export function sayWhatIsSimulated(sources) {
  byId('simulated').textContent = `SIMULATED DATA: ${sources.join(', ')}`;
  byId('simulated').hidden = !sources.length;
}

/** Content of a panel: a title, a button that closes it, and more. */
export const panelContent = (title, close, parts) => [
  make('h2', {}, title),
  make('button', {type: 'button', class: 'close', 'aria-label': 'Close', onclick: close}, '×'),
  ...parts,
];

/** A map on the grid, which moves and zooms and does not turn; `view` is where it begins. */
export const gridMap = (grid, layers, view) =>
  new OlMap({
    target: 'map',
    controls: [new Zoom(), new ScaleLine({target: byId('scale'), minWidth: 90})],
    interactions: interactions({altShiftDragRotate: false, pinchRotate: false}),
    layers,
    view: new View({
      projection: grid.projection,
      minResolution: grid.resolution / 24,
      extent: grid.extent,
      constrainOnlyCenter: true,
      enableRotation: false,
      ...view,
    }),
  });
