// A polygon drawn by the person, to be counted.
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import Draw from 'ol/interaction/Draw.js';
import {make} from './dom.js';

const [START, STOP] = ['Measure a polygon', 'Stop measuring'];

const AFTERWARDS = 600;

export class Measure {
  /** @param {function(Array)} drawn Given the ring of a polygon when it is closed. */
  constructor(map, drawn) {
    this.map = map;
    this.source = new VectorSource();
    this.ended = -Infinity;
    this.drawn = drawn;
    this.button = make('button', {type: 'button', onclick: () => this.#toggle()}, START);
    map.addLayer(new VectorLayer({source: this.source, zIndex: 12}));
  }

  /** Whether clicks belong to the polygon; so does the one that closes it, for a moment. */
  get busy() {
    return Boolean(this.interaction) || performance.now() - this.ended < AFTERWARDS;
  }

  clear() {
    this.source.clear();
  }

  stop() {
    if (this.interaction) {
      this.map.removeInteraction(this.interaction);
      this.interaction = null;
      this.button.textContent = START;
    }
  }

  #toggle() {
    if (this.interaction) {
      this.stop();
      return;
    }
    this.clear();
    this.interaction = new Draw({source: this.source, type: 'Polygon'});
    this.button.textContent = STOP;
    this.interaction.on('drawend', ({feature}) => {
      this.ended = performance.now();
      setTimeout(() => this.stop());
      this.drawn(feature.getGeometry().getCoordinates()[0]);
    });
    this.map.addInteraction(this.interaction);
  }
}
