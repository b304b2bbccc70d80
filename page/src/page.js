// The map page of a survey. It reads layers.json beside it, and nothing from elsewhere.
import Feature from 'ol/Feature.js';
import Point from 'ol/geom/Point.js';
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import {areas, coordinatesText, describe} from './answer.js';
import {checkbox, layerChoice, legend, periodChoice, periodSlider, slider} from './controls.js';
import {make} from './dom.js';
import {byId, complain, gridMap, panelContent, sayWhatIsSimulated} from './frame.js';
import {MapLayer} from './layer.js';
import * as link from './link.js';
import {Measure} from './measure.js';
import {inPeriod} from './pixels.js';
import {Places} from './places.js';
import {hectaresByClass} from './polygon.js';
import {Grid} from './projection.js';
import {json} from './requests.js';
import {ASKED, mineLayer, sampleLayer} from './vectors.js';

/** What says in which period a slot is shown. */
const PERIOD_OF = {top: 'period', under: 'before'};

/** What can lie over the layers, as the address names it. */
const OVERLAYS = ['mines', 'samples'];

class Page {
  constructor(facts) {
    this.facts = facts;
    this.grid = new Grid(facts.grid);
    this.items = new Map(facts.layers.map((item) => [item.id, item]));
    this.places = new Places(facts, this.grid);
    this.given = link.read();
    this.hidden = new Set((this.given.off ?? '').split(',').filter(Boolean).map(Number));
    this.state = {
      top: this.items.has(this.given.top) ? this.given.top : facts.layers[0].id,
      under: this.items.has(this.given.under) ? this.given.under : '',
      opacity: link.numbers(this.given.opacity, 1)?.[0] ?? 1,
      swipe: link.numbers(this.given.swipe, 1)?.[0] ?? 1,
    };
    const period = (name, otherwise) =>
      facts.periods.includes(this.given[name]) ? this.given[name] : otherwise ?? '';
    this.state.period = period('period', facts.periods.at(-1));
    this.state.before = period('before', facts.periods[0]);
    this.shown = new Set((this.given.show ?? 'mines').split(',').filter((name) => OVERLAYS.includes(name)));
    this.asked = null;
    this.overlays = new Map();
  }

  async start() {
    this.#map();
    this.#panel();
    await Promise.all([this.#place('top'), this.#place('under')]);
    this.map.once('rendercomplete', () => performance.mark('map drawn'));
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
    this.map = gridMap(grid, [new VectorLayer({source: this.mark, style: ASKED, zIndex: 13})], {
      center: link.numbers(`${this.given.x},${this.given.y}`, 2) ?? undefined,
      resolution: link.numbers(this.given.r, 1)?.[0],
    });
    this.measure = new Measure(this.map, (ring) => this.#count(ring));
    const view = this.map.getView();
    if (!view.isDef()) {
      view.fit(grid.extent, {padding: [16, 16, 16, 16]});
    }
    this.map.on('moveend', () => {
      this.#keep();
      this.#sayFar();
    });
    this.map.on('pointermove', (event) => event.dragging || this.#coordinates(event.coordinate));
    this.map.on('singleclick', (event) => {
      if (!this.measure.busy) {
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
        this.measure.stop();
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
    this.none = make('p', {class: 'small', role: 'status', hidden: true}, 'No points were labelled in this period.');
    const overlays = [facts.mines ? ['mines', 'Mines'] : null, facts.samples ? ['samples', 'Labelled points'] : null]
      .filter(Boolean)
      .map(([name, text]) => checkbox(text, this.shown.has(name), (on) => this.#overlay(name, on)).element);
    const several = facts.periods.length > 1;
    this.before = several
      ? periodChoice(facts.periods, state.before, (name) => this.#at('under', name))
      : make('p');
    byId('panel').append(
      several ? periodSlider(facts.periods, state.period, (name) => this.#at('top', name)) : '',
      top.element,
      this.legend,
      opacity.element,
      under.element,
      this.before,
      swipe.element,
      ...overlays,
      this.none,
      make('p', {}, this.measure.button),
    );
  }

  /** Show a slot in another period. */
  #at(slot, period) {
    this.state[PERIOD_OF[slot]] = period;
    this.#place(slot).then(() => this.#keep(), complain);
    if (slot === 'top') {
      const overlays = [...this.shown].map((name) => this.#overlay(name, true));
      Promise.all(overlays).then(() => this.asked && this.ask(this.asked)).catch(complain);
    }
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
    const period = this.state[PERIOD_OF[slot]];
    this.slots ??= {};
    let next = null;
    const item = id ? inPeriod(this.items.get(id), period, this.facts.periods) : null;
    if (slot === 'top') {
      byId('absent').hidden = Boolean(item);
    }
    if (item) {
      next = await MapLayer.open(item, this.grid, this.facts.classes, complain);
    }
    if (this.state[slot] !== id || this.state[PERIOD_OF[slot]] !== period) {
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
    this.swipe.hidden = this.before.hidden = !this.state.under;
    this.#sayFar();
  }

  /** Say where the layer is not drawn because the whole of it would have to be read. */
  #sayFar() {
    const farthest = this.slots?.top?.layer.getMaxResolution() ?? Infinity;
    byId('far').hidden = this.map.getView().getResolution() < farthest;
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

  /** Where the outlines or points of an overlay are, of the period that is shown. */
  #overlayUrl(name) {
    const {facts, state} = this;
    if (name === 'samples' && facts.samples && state.period) {
      return `${facts.samples}?period=${encodeURIComponent(state.period)}`;
    }
    return (name === 'mines' && facts.mines_of_periods[state.period]) || facts[name];
  }

  async #overlay(name, on) {
    this.shown[on ? 'add' : 'delete'](name);
    const url = this.#overlayUrl(name);
    const known = this.overlays.get(name);
    if (on && url && known?.url !== url) {
      const given = await json(url);
      if (this.#overlayUrl(name) !== url) {
        return; // another period was chosen meanwhile
      }
      const layer =
        name === 'mines' ? mineLayer(given, this.grid) : sampleLayer(given, this.facts.classes);
      if (known) {
        this.map.removeLayer(known.layer);
      }
      this.overlays.set(name, {url, layer, empty: given.points?.length === 0});
      this.map.addLayer(layer);
    }
    this.overlays.get(name)?.layer.setVisible(on);
    this.none.hidden = !(this.shown.has('samples') && this.overlays.get('samples')?.empty);
    this.#keep();
  }

  /** Show all that is known of a place. */
  async ask(coordinate) {
    if (!this.grid.pixel(coordinate)) {
      return;
    }
    const began = performance.now();
    this.asked = coordinate;
    delete byId('answer').dataset.milliseconds;
    this.mark.clear();
    this.mark.addFeature(new Feature(new Point(coordinate)));
    try {
      const place = await this.places.known(coordinate, this.state.period);
      const mine = this.overlays.get('mines')?.layer.getSource().getFeaturesAtCoordinate(coordinate)[0];
      if (this.asked === coordinate) {
        this.#show('At this place', describe({...place, mine: mine?.get('sheet')}, this.facts));
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

  async #count(ring) {
    try {
      const pixels = await this.places.pixels('landuse', this.state.period);
      const hectares = await hectaresByClass(pixels, this.grid, ring);
      this.#show('In the polygon', [areas(hectares, this.facts.classes)]);
    } catch (error) {
      complain(error);
    }
  }

  #show(title, parts) {
    byId('answer').replaceChildren(...panelContent(title, () => this.#close(), parts));
    byId('answer').hidden = false;
  }

  #close() {
    byId('answer').hidden = true;
    delete byId('answer').dataset.milliseconds;
    this.asked = null;
    this.mark.clear();
    this.measure.clear();
    this.#keep();
  }

  #keep() {
    const view = this.map.getView();
    const [x, y] = view.getCenter().map((value) => value.toFixed(1));
    const {top, under, opacity, swipe, period, before} = this.state;
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
      period: period === this.facts.periods.at(-1) ? '' : period,
      before: under && before !== this.facts.periods[0] ? before : '',
      at: this.asked?.map((value) => value.toFixed(1)).join(',') ?? '',
    });
  }
}

function banner(facts) {
  document.title = `${facts.title} – map`;
  byId('title').textContent = facts.title;
  sayWhatIsSimulated(facts.simulated);
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
