// The map page of a survey. It reads layers.json beside it, and nothing from elsewhere.
import OlMap from 'ol/Map.js';
import View from 'ol/View.js';
import Feature from 'ol/Feature.js';
import Draw from 'ol/interaction/Draw.js';
import {defaults as interactions} from 'ol/interaction/defaults.js';
import ScaleLine from 'ol/control/ScaleLine.js';
import Zoom from 'ol/control/Zoom.js';
import Point from 'ol/geom/Point.js';
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import {Circle, Fill, Stroke, Style} from 'ol/style.js';
import {areas, coordinatesText, describe} from './answer.js';
import {checkbox, layerChoice, legend, slider} from './controls.js';
import {make} from './dom.js';
import {MapLayer} from './layer.js';
import * as link from './link.js';
import {hectaresByClass} from './polygon.js';
import {Grid} from './projection.js';
import {mineLayer, sampleLayer} from './vectors.js';

const byId = (id) => document.getElementById(id);

async function json(url) {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  }
  return answer.json();
}

/** Say what went wrong where people look. */
function complain(error) {
  const ranges = error?.name === 'AggregateError' || /range/i.test(error?.message ?? '');
  byId('trouble').textContent = ranges
    ? 'This server gives no parts of files (HTTP ranges), which maps are read by. Use another, or `minecover view`.'
    : String(error?.message ?? error);
  byId('trouble').hidden = false;
}

const marker = new Style({
  image: new Circle({
    radius: 7,
    fill: new Fill({color: 'rgba(255, 255, 255, 0.35)'}),
    stroke: new Stroke({color: '#000000', width: 2}),
  }),
});

class Page {
  constructor(facts) {
    this.facts = facts;
    this.grid = new Grid(facts.grid);
    this.items = new Map(facts.layers.map((item) => [item.id, item]));
    this.opened = new Map();
    this.given = link.read();
    this.hidden = new Set((this.given.off ?? '').split(',').filter(Boolean).map(Number));
    this.state = {
      top: this.items.has(this.given.top) ? this.given.top : facts.layers[0].id,
      under: this.items.has(this.given.under) ? this.given.under : '',
      opacity: link.numbers(this.given.opacity, 1)?.[0] ?? 1,
      swipe: link.numbers(this.given.swipe, 1)?.[0] ?? 1,
    };
    this.shown = new Set((this.given.show ?? 'mines').split(',').filter(Boolean));
    this.asked = null;
    this.measured = -Infinity;
    this.overlays = new Map();
  }

  async start() {
    this.#map();
    this.#panel();
    await Promise.all([this.#place('top'), this.#place('under')]);
    await Promise.all([...this.shown].map((name) => this.#overlay(name, true)));
    const at = link.numbers(this.given.at, 2);
    if (at) {
      await this.ask(at);
    }
    this.#keep();
    document.body.dataset.ready = 'yes';
  }

  #map() {
    const {grid} = this;
    this.mark = new VectorSource();
    this.drawn = new VectorSource();
    this.map = new OlMap({
      target: 'map',
      controls: [new Zoom(), new ScaleLine({target: byId('scale'), minWidth: 90})],
      interactions: interactions({altShiftDragRotate: false, pinchRotate: false}),
      layers: [
        new VectorLayer({source: this.drawn, zIndex: 12}),
        new VectorLayer({source: this.mark, style: marker, zIndex: 13}),
      ],
      view: new View({
        projection: grid.projection,
        center: link.numbers(`${this.given.x},${this.given.y}`, 2) ?? undefined,
        resolution: link.numbers(this.given.r, 1)?.[0],
        minResolution: grid.resolution / 24,
        extent: grid.extent,
        constrainOnlyCenter: true,
        enableRotation: false,
      }),
    });
    const view = this.map.getView();
    if (!view.isDef()) {
      view.fit(grid.extent, {padding: [16, 16, 16, 16]});
    }
    this.map.on('moveend', () => this.#keep());
    this.map.on('pointermove', (event) => event.dragging || this.#coordinates(event.coordinate));
    this.map.on('singleclick', (event) => {
      // the click that ends a polygon asks nothing
      if (!this.drawing && performance.now() - this.measured > 600) {
        this.ask(event.coordinate);
      }
    });
    byId('map').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.target === byId('map')) {
        this.ask(view.getCenter());
      }
    });
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        this.#stopDrawing();
        this.#close();
      }
    });
  }

  #coordinates(place) {
    const [x, y] = place.map((value) => value.toFixed(0));
    byId('where').textContent = `${this.grid.crs} ${x}, ${y} · ${coordinatesText(this.grid.degrees(place))}`;
  }

  #panel() {
    const {facts, state} = this;
    const top = layerChoice('top', 'Layer', facts.layers, null, (id) => this.#choose('top', id));
    const under = layerChoice('under', 'Underneath', facts.layers, 'nothing', (id) =>
      this.#choose('under', id),
    );
    top.select.value = state.top;
    under.select.value = state.under;
    const opacity = slider('opacity', 'Opacity', state.opacity, (value) => this.#set('opacity', value));
    const swipe = slider('swipe', 'Swipe: shown from the left to here', state.swipe, (value) =>
      this.#set('swipe', value),
    );
    this.swipe = swipe.element;
    this.legend = make('div');
    const overlays = [facts.mines ? ['mines', 'Mines'] : null, facts.samples ? ['samples', 'Labelled points'] : null]
      .filter(Boolean)
      .map(([name, text]) => checkbox(text, this.shown.has(name), (on) => this.#overlay(name, on)).element);
    this.drawButton = make('button', {type: 'button', onclick: () => this.#draw()}, 'Measure a polygon');
    byId('panel').append(
      top.element,
      this.legend,
      opacity.element,
      under.element,
      swipe.element,
      ...overlays,
      make('p', {}, this.drawButton),
    );
  }

  #choose(slot, id) {
    this.state[slot] = id;
    this.#place(slot).then(() => this.#keep(), complain);
  }

  #set(name, value) {
    this.state[name] = value;
    this.slots?.top?.layer.setOpacity(this.state.opacity);
    this.map.render();
    this.#keep();
  }

  /** Put the chosen layer into a slot. */
  async #place(slot) {
    const id = this.state[slot];
    this.slots ??= {};
    let next = null;
    if (id) {
      const item = this.items.get(id);
      next = await MapLayer.open(item, this.grid, this.facts.classes);
      next.source.on('tileloaderror', (event) => complain(event.tile.error_ ?? 'A tile could not be read'));
    }
    if (this.state[slot] !== id) {
      return; // another was chosen meanwhile
    }
    if (this.slots[slot]) {
      this.map.removeLayer(this.slots[slot].layer);
      this.slots[slot].layer.dispose();
    }
    this.slots[slot] = next;
    if (next) {
      next.layer.setZIndex(slot === 'top' ? 2 : 1);
      if (slot === 'top') {
        next.layer.setOpacity(this.state.opacity);
        next.layer.on('prerender', (event) => this.#clip(event.context));
        next.layer.on('postrender', (event) => event.context.restore());
        this.#legend(next);
      }
      if (this.hidden.size && next.item.kind === 'classes') {
        next.hide(this.hidden);
      }
      this.map.addLayer(next.layer);
    }
    this.swipe.hidden = !this.state.under;
  }

  #clip(context) {
    context.save();
    if (this.state.under && this.state.swipe < 1) {
      context.beginPath();
      context.rect(0, 0, context.canvas.width * this.state.swipe, context.canvas.height);
      context.clip();
    }
  }

  #legend(layer) {
    this.legend.replaceChildren(
      legend(layer.item, this.facts.classes, this.hidden, (code, shown) => {
        this.hidden[shown ? 'delete' : 'add'](code);
        for (const one of Object.values(this.slots)) {
          if (one?.item.kind === 'classes') {
            one.hide(this.hidden);
          }
        }
        this.#keep();
      }),
    );
  }

  async #overlay(name, on) {
    this.shown[on ? 'add' : 'delete'](name);
    const url = this.facts[name];
    if (on && url && !this.overlays.has(name)) {
      const given = await json(url);
      const layer =
        name === 'mines' ? mineLayer(given, this.grid) : sampleLayer(given, this.facts.classes);
      this.overlays.set(name, layer);
      this.map.addLayer(layer);
    }
    this.overlays.get(name)?.setVisible(on);
    this.#keep();
  }

  /** Show all that is known of a place. */
  async ask(coordinate) {
    const pixel = this.grid.pixel(coordinate);
    if (!pixel) {
      return;
    }
    const began = performance.now();
    this.asked = coordinate;
    this.mark.clear();
    this.mark.addFeature(new Feature(new Point(coordinate)));
    try {
      const place = await this.#known(coordinate, pixel);
      if (this.asked === coordinate) {
        this.#show('At this place', describe(place, this.facts));
        byId('answer').dataset.milliseconds = Math.round(performance.now() - began);
        this.#uncover(coordinate);
      }
    } catch (error) {
      complain(error);
    }
    this.#keep();
  }

  /** Move the map where the answer would lie over the place. */
  #uncover(coordinate) {
    const frame = byId('frame').getBoundingClientRect();
    const answer = byId('answer').getBoundingClientRect();
    const [x, y] = this.map.getPixelFromCoordinate(coordinate) ?? [0, 0];
    if (x > answer.left - frame.left && y > answer.top - frame.top && y < answer.bottom - frame.top) {
      const beside = answer.left - frame.left;
      const room = beside > 200 ? [beside / 2, frame.height / 2] : [frame.width / 2, (answer.top - frame.top) / 2];
      this.map.getView().centerOn(coordinate, this.map.getSize(), room);
    }
  }

  async #known(coordinate, pixel) {
    const {facts} = this;
    const at = async (id) => {
      if (!facts.pixels[id]) {
        return undefined;
      }
      const item = {...facts.pixels[id], id};
      const {pixels} = await this.#opened(item);
      return pixels.at(pixel);
    };
    const asked = facts.point
      ? json(`${facts.point}?column=${pixel[0]}&row=${pixel[1]}`).catch((error) => ({error: error.message}))
      : null;
    const ids = ['landuse', 'probability', 'entropy', 'applicability'];
    const [code, probability, entropy, dissimilarity] = await Promise.all(ids.map(at));
    const mine = this.overlays.get('mines')?.getSource().getFeaturesAtCoordinate(coordinate)[0];
    return {
      degrees: this.grid.degrees(coordinate),
      code: code?.[0],
      probability,
      entropy: entropy?.[0],
      dissimilarity: dissimilarity?.[0],
      mine: mine?.get('sheet'),
      facts: await asked,
    };
  }

  #opened(item) {
    if (!this.opened.has(item.id)) {
      this.opened.set(item.id, MapLayer.open({...item, kind: 'ramp', colours: ['#000000', '#ffffff']}, this.grid, []));
    }
    return this.opened.get(item.id);
  }

  #draw() {
    if (this.drawing) {
      this.#stopDrawing();
      return;
    }
    this.drawn.clear();
    this.drawing = new Draw({source: this.drawn, type: 'Polygon'});
    this.drawButton.textContent = 'Stop measuring';
    this.drawing.on('drawend', async ({feature}) => {
      this.measured = performance.now();
      setTimeout(() => this.#stopDrawing());
      try {
        const {pixels} = await this.#opened({...this.facts.pixels.landuse, id: 'landuse'});
        const ring = feature.getGeometry().getCoordinates()[0];
        this.#show('In the polygon', [areas(await hectaresByClass(pixels, this.grid, ring), this.facts.classes)]);
      } catch (error) {
        complain(error);
      }
    });
    this.map.addInteraction(this.drawing);
  }

  #stopDrawing() {
    if (this.drawing) {
      this.map.removeInteraction(this.drawing);
      this.drawing = null;
      this.drawButton.textContent = 'Measure a polygon';
    }
  }

  #show(title, parts) {
    const close = make('button', {type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => this.#close()}, '×');
    byId('answer').replaceChildren(make('h2', {}, title), close, ...parts);
    byId('answer').hidden = false;
  }

  #close() {
    byId('answer').hidden = true;
    this.asked = null;
    this.mark.clear();
    this.drawn.clear();
    this.#keep();
  }

  #keep() {
    const view = this.map.getView();
    const [x, y] = view.getCenter().map((value) => value.toFixed(1));
    const {top, under, opacity, swipe} = this.state;
    link.write({
      x,
      y,
      r: view.getResolution().toPrecision(5),
      top,
      under,
      opacity: opacity < 1 ? opacity : '',
      swipe: under && swipe < 1 ? swipe : '',
      off: [...this.hidden].join(','),
      show: [...this.shown].join(','),
      at: this.asked?.map((value) => value.toFixed(1)).join(',') ?? '',
    });
  }
}

function banner(facts) {
  document.title = `${facts.title} – map`;
  byId('title').textContent = facts.title;
  if (facts.simulated.length) {
    byId('simulated').textContent = `SIMULATED DATA: ${facts.simulated.join(', ')}`;
    byId('simulated').hidden = false;
  }
  if (facts.report) {
    byId('report').href = facts.report;
    byId('report').hidden = false;
  }
}

async function start() {
  if (location.protocol === 'file:') {
    throw new Error('A page of a folder may read no files: open it with `minecover view`, or from a web server.');
  }
  const toggle = byId('toggle');
  toggle.addEventListener('click', () => {
    const open = document.body.classList.toggle('open');
    toggle.setAttribute('aria-expanded', String(open));
  });
  const facts = await json('layers.json');
  banner(facts);
  await new Page(facts).start();
}

start().catch(complain);
