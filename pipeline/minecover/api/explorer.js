// A raster to move about in: the kernel draws tiles and reads values, nothing else is asked.
const EDGE = 256;
const STEPS = 8;
const AT_ONCE = 6;
const MOST_TILES = 160;
const CLOSEST = 40;

// an element of others and of text, which is never parsed as markup
function element(tag, className, ...parts) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...parts);
  return made;
}

function button(text, label, act) {
  const made = element('button', '', text);
  made.type = 'button';
  made.setAttribute('aria-label', label);
  made.title = label;
  made.addEventListener('click', act);
  return made;
}

// largest of 1, 2 or 5 times a power of ten that is not above a length
function round(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].map((factor) => factor * power).find((value) => value <= length) ?? power;
}

class Tiles {
  constructor(model, changed) {
    this.model = model;
    this.changed = changed;
    this.images = new Map();
    this.waiting = new Set();
  }

  // give a tile, or ask for it
  get(view, step, column, row) {
    const key = [view, step, column, row].join();
    const image = this.images.get(key);
    if (image) {
      this.images.delete(key);
      this.images.set(key, image);
    } else if (!this.waiting.has(key) && this.waiting.size < AT_ONCE) {
      this.waiting.add(key);
      this.model.send({kind: 'tile', view, step, column, row});
    }
    return image;
  }

  async take({view, step, column, row}, buffers) {
    const key = [view, step, column, row].join();
    if (buffers.length) {
      const image = await createImageBitmap(new Blob([buffers[0]], {type: 'image/png'}));
      this.images.set(key, image);
      while (this.images.size > MOST_TILES) {
        const oldest = this.images.keys().next().value;
        this.images.get(oldest).close?.();
        this.images.delete(oldest);
      }
    }
    this.waiting.delete(key);
    this.changed();
  }

  // coarser and finer tiles of a view that are there, coarsest first
  others(view, step) {
    return [...this.images]
      .map(([key, image]) => [key.split(',').map(Number), image])
      .filter(([place]) => place[0] === view && place[1] !== step)
      .sort((one, two) => two[0][1] - one[0][1]);
  }
}

// the raster on a canvas, where it was moved to, and the pixel that was asked about
class Sheet {
  // shown: the number of the view that is shown
  constructor(model, shown) {
    [this.rows, this.columns] = model.get('shape');
    this.model = model;
    this.shown = shown;
    this.tiles = new Tiles(model, () => this.draw());
    this.canvas = element('canvas');
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'application');
    this.canvas.setAttribute('aria-label', 'map: arrows move, plus and minus zoom, 0 shows all, enter reads the middle');
    this.canvas.style.height = `${model.get('height')}px`;
    this.scaleBar = element('div', 'scale');
    this.view = {x: this.columns / 2, y: this.rows / 2, scale: 1};
    this.drawing = false;
    this.mark = null;
  }

  get width() {
    return this.canvas.clientWidth || 600;
  }

  get height() {
    return this.canvas.clientHeight || this.model.get('height');
  }

  // scale at which the whole raster is seen, and the least to which it zooms
  get whole() {
    return Math.min(this.width / this.columns, this.height / this.rows);
  }

  get least() {
    return Math.max(1 / (2 * STEPS), Math.min(this.whole, 1) * 0.9);
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.paint();
    });
  }

  paint() {
    const {canvas, view, width, height} = this;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    context.imageSmoothingEnabled = false;
    const left = view.x - width / 2 / view.scale;
    const top = view.y - height / 2 / view.scale;
    const size = view.scale * ratio;
    context.setTransform(size, 0, 0, size, -left * size, -top * size);
    this.paintTiles(context, left, top);
    this.paintMark(context);
    this.paintScale();
  }

  paintTiles(context, left, top) {
    const {rows, columns, view, width, height} = this;
    const shown = this.shown();
    const step = Math.min(STEPS, Math.max(1, 2 ** Math.floor(Math.log2(1 / view.scale))));
    const put = (image, [, its, column, row]) =>
      context.drawImage(image, column * EDGE * its, row * EDGE * its, image.width * its, image.height * its);
    for (const [key, image] of this.tiles.others(shown, step)) put(image, key);
    const edge = EDGE * step;
    const end = (start, length, most) => Math.min(Math.ceil((start + length / view.scale) / edge), Math.ceil(most / edge));
    for (let row = Math.max(0, Math.floor(top / edge)); row < end(top, height, rows); row += 1)
      for (let column = Math.max(0, Math.floor(left / edge)); column < end(left, width, columns); column += 1) {
        const image = this.tiles.get(shown, step, column, row);
        if (image) put(image, [shown, step, column, row]);
      }
  }

  paintMark(context) {
    const {mark, view} = this;
    if (!mark) return;
    for (const [width, colour] of [[2, '#ffffff'], [1, '#000000']]) {
      context.lineWidth = width / view.scale;
      context.strokeStyle = colour;
      context.strokeRect(mark.x, mark.y, 1, 1);
    }
  }

  paintScale() {
    const {scaleBar, view} = this;
    const metres = this.model.get('metres');
    scaleBar.hidden = !metres;
    if (!metres) return;
    const length = round((metres * this.width) / 4 / view.scale);
    scaleBar.textContent = length >= 1000 ? `${length / 1000} km` : `${length} m`;
    scaleBar.style.width = `${(length / metres) * view.scale}px`;
  }

  zoom(factor, at = {x: this.width / 2, y: this.height / 2}) {
    const {view} = this;
    const next = Math.min(CLOSEST, Math.max(this.least, view.scale * factor));
    const [dx, dy] = [at.x - this.width / 2, at.y - this.height / 2];
    view.x += dx / view.scale - dx / next;
    view.y += dy / view.scale - dy / next;
    view.scale = next;
    this.move(0, 0);
  }

  move(dx, dy) {
    const {view} = this;
    view.x = Math.min(this.columns, Math.max(0, view.x - dx / view.scale));
    view.y = Math.min(this.rows, Math.max(0, view.y - dy / view.scale));
    this.draw();
  }

  fit() {
    this.view.scale = Math.min(CLOSEST, Math.max(this.whole, this.least));
    [this.view.x, this.view.y] = [this.columns / 2, this.rows / 2];
    this.draw();
  }

  // ask for the values at a point of the canvas; else in the middle
  ask(point = {x: this.width / 2, y: this.height / 2}) {
    const {view} = this;
    const column = Math.floor(view.x + (point.x - this.width / 2) / view.scale);
    const row = Math.floor(view.y + (point.y - this.height / 2) / view.scale);
    if (column < 0 || row < 0 || column >= this.columns || row >= this.rows) return;
    this.mark = {x: column, y: row};
    this.model.send({kind: 'pixel', x: column, y: row});
    this.draw();
  }
}

// drag to move, pinch or turn the wheel to zoom, click to ask
function followPointers(sheet) {
  const {canvas} = sheet;
  const pointers = new Map();
  let moved = 0;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return {x: event.clientX - box.left, y: event.clientY - box.top};
  };
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    moved = 0;
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    pointers.set(event.pointerId, now);
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (others.length) {
      const [other] = others;
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      sheet.zoom(apart(now) / apart(before), other);
    } else sheet.move(now.x - before.x, now.y - before.y);
  });
  const up = (event) => {
    const point = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (point && moved <= 4 && event.type === 'pointerup') sheet.ask(point);
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    sheet.zoom(2 ** (-event.deltaY / 300), at(event));
  }, {passive: false});
}

function followKeys(sheet) {
  const keys = {
    ArrowLeft: () => sheet.move(60, 0),
    ArrowRight: () => sheet.move(-60, 0),
    ArrowUp: () => sheet.move(0, 60),
    ArrowDown: () => sheet.move(0, -60),
    '+': () => sheet.zoom(1.5),
    '=': () => sheet.zoom(1.5),
    '-': () => sheet.zoom(1 / 1.5),
    0: () => sheet.fit(),
    Enter: () => sheet.ask(),
  };
  sheet.canvas.addEventListener('keydown', (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}

function legendOf({classes, ramp}) {
  const items = classes.map(({name, colour}) => {
    const square = element('i');
    square.style.background = colour;
    return element('span', '', square, name);
  });
  if (!ramp) return items;
  const strip = element('span', 'ramp');
  strip.style.background = `linear-gradient(90deg, ${ramp.colours.join(', ')})`;
  return [...items, element('span', '', ramp.ends[0]), strip, element('span', '', ramp.ends[1])];
}

const tableOf = (rows) =>
  element('table', '', ...rows.map((cells) => element('tr', '', ...cells.map((text) => element('td', '', text)))));

function layerChoice(model) {
  const choice = element('select');
  choice.setAttribute('aria-label', 'layer');
  model.get('titles').forEach((title, place) => choice.append(new Option(title, place)));
  choice.value = model.get('shown');
  return choice;
}

function render({model, el}) {
  const choice = layerChoice(model);
  const shown = () => Number(choice.value);
  const sheet = new Sheet(model, shown);
  const legend = element('div', 'legend');
  const place = element('div', 'place', 'Click on the map for the values of a pixel.');
  place.setAttribute('aria-live', 'polite');
  const values = element('div', 'values');
  const choose = () => {
    model.set('shown', shown());
    model.save_changes();
    model.send({kind: 'legend', view: shown()});
    sheet.draw();
  };
  const take = (answer, buffers) => {
    if (answer.kind === 'tile') sheet.tiles.take(answer, answer.error ? [] : buffers);
    if (answer.error) place.textContent = answer.error;
    else if (answer.kind === 'legend' && answer.view === shown()) legend.replaceChildren(...legendOf(answer));
    else if (answer.kind === 'pixel') {
      place.textContent = answer.place;
      values.replaceChildren(tableOf(answer.values));
    }
  };
  followPointers(sheet);
  followKeys(sheet);
  choice.addEventListener('change', choose);
  const buttons = [
    button('+', 'closer', () => sheet.zoom(1.5)),
    button('−', 'further', () => sheet.zoom(1 / 1.5)),
    button('all', 'show all', () => sheet.fit()),
  ];
  el.append(
    element(
      'div',
      'minecover-explorer',
      element('div', 'bar', choice, ...buttons),
      element('div', 'sheet', sheet.canvas, sheet.scaleBar),
      element('div', 'below', legend),
      place,
      values,
    ),
  );
  model.on('msg:custom', take);
  const resized = new ResizeObserver(() => sheet.draw());
  resized.observe(sheet.canvas);
  requestAnimationFrame(() => sheet.fit());
  choose();
  return () => {
    resized.disconnect();
    model.off('msg:custom', take);
  };
}

export default {render};
