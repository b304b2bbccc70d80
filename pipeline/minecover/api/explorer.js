// A raster to move about in: the kernel draws tiles and reads values, nothing else is asked.
const EDGE = 256;
const STEPS = 8;
const AT_ONCE = 6;
const MOST_TILES = 160;
const CLOSEST = 40;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
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

function render({model, el}) {
  const [rows, columns] = model.get('shape');
  const root = element('div', 'minecover-explorer');
  const bar = element('div', 'bar');
  const choice = element('select');
  choice.setAttribute('aria-label', 'layer');
  model.get('titles').forEach((title, place) => choice.append(new Option(title, place)));
  choice.value = model.get('shown');
  const sheet = element('div', 'sheet');
  const canvas = element('canvas');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', 'map: arrows move, plus and minus zoom, 0 shows all, enter reads the middle');
  canvas.style.height = `${model.get('height')}px`;
  const scale = element('div', 'scale');
  const legend = element('div', 'legend');
  const place = element('div', 'place', 'Click on the map for the values of a pixel.');
  place.setAttribute('aria-live', 'polite');
  const values = element('div', 'values');
  const view = {x: columns / 2, y: rows / 2, scale: 1};
  let asked = false;
  let mark = null;

  const width = () => canvas.clientWidth || 600;
  const height = () => canvas.clientHeight || model.get('height');
  const whole = () => Math.min(width() / columns, height() / rows);
  const least = () => Math.max(1 / (2 * STEPS), Math.min(whole(), 1) * 0.9);
  const draw = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
    });
  };
  const tiles = new Tiles(model, draw);

  function paint() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width() * ratio);
    canvas.height = Math.round(height() * ratio);
    const context = canvas.getContext('2d');
    context.imageSmoothingEnabled = false;
    const left = view.x - width() / 2 / view.scale;
    const top = view.y - height() / 2 / view.scale;
    const size = view.scale * ratio;
    context.setTransform(size, 0, 0, size, -left * size, -top * size);
    const step = Math.min(STEPS, Math.max(1, 2 ** Math.floor(Math.log2(1 / view.scale))));
    const shown = Number(choice.value);
    const put = (image, [, its, column, row]) =>
      context.drawImage(image, column * EDGE * its, row * EDGE * its, image.width * its, image.height * its);
    for (const [key, image] of tiles.others(shown, step)) put(image, key);
    const edge = EDGE * step;
    const end = (start, length, most) => Math.min(Math.ceil((start + length / view.scale) / edge), Math.ceil(most / edge));
    for (let row = Math.max(0, Math.floor(top / edge)); row < end(top, height(), rows); row += 1)
      for (let column = Math.max(0, Math.floor(left / edge)); column < end(left, width(), columns); column += 1) {
        const image = tiles.get(shown, step, column, row);
        if (image) put(image, [shown, step, column, row]);
      }
    if (mark) {
      context.lineWidth = 2 / view.scale;
      context.strokeStyle = '#ffffff';
      context.strokeRect(mark.x, mark.y, 1, 1);
      context.lineWidth = 1 / view.scale;
      context.strokeStyle = '#000000';
      context.strokeRect(mark.x, mark.y, 1, 1);
    }
    paintScale();
  }

  function paintScale() {
    const metres = model.get('metres');
    scale.hidden = !metres;
    if (!metres) return;
    const length = round((metres * width()) / 4 / view.scale);
    scale.textContent = length >= 1000 ? `${length / 1000} km` : `${length} m`;
    scale.style.width = `${(length / metres) * view.scale}px`;
  }

  function zoom(factor, at = {x: width() / 2, y: height() / 2}) {
    const next = Math.min(CLOSEST, Math.max(least(), view.scale * factor));
    const [dx, dy] = [at.x - width() / 2, at.y - height() / 2];
    view.x += dx / view.scale - dx / next;
    view.y += dy / view.scale - dy / next;
    view.scale = next;
    move(0, 0);
  }

  function move(dx, dy) {
    view.x = Math.min(columns, Math.max(0, view.x - dx / view.scale));
    view.y = Math.min(rows, Math.max(0, view.y - dy / view.scale));
    draw();
  }

  function fit() {
    view.scale = Math.min(CLOSEST, Math.max(whole(), least()));
    [view.x, view.y] = [columns / 2, rows / 2];
    draw();
  }

  function ask(x, y) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= columns || row >= rows) return;
    mark = {x: column, y: row};
    model.send({kind: 'pixel', x: column, y: row});
    draw();
  }

  function showLegend({classes, ramp}) {
    legend.replaceChildren();
    for (const {name, colour} of classes) {
      const item = element('span');
      const square = element('i');
      square.style.background = colour;
      item.append(square, name);
      legend.append(item);
    }
    if (ramp) {
      const strip = element('span', 'ramp');
      strip.style.background = `linear-gradient(90deg, ${ramp.colours.join(', ')})`;
      legend.append(element('span', '', ramp.ends[0]), strip, element('span', '', ramp.ends[1]));
    }
  }

  function showValues(answer) {
    place.textContent = answer.place;
    const table = element('table');
    for (const [name, value] of answer.values) {
      const line = element('tr');
      line.append(element('td', '', name), element('td', '', value));
      table.append(line);
    }
    values.replaceChildren(table);
  }

  function choose() {
    model.set('shown', Number(choice.value));
    model.save_changes();
    model.send({kind: 'legend', view: Number(choice.value)});
    draw();
  }

  const take = (answer, buffers) => {
    if (answer.kind === 'tile') tiles.take(answer, answer.error ? [] : buffers);
    if (answer.error) place.textContent = answer.error;
    else if (answer.kind === 'legend' && answer.view === Number(choice.value)) showLegend(answer);
    else if (answer.kind === 'pixel') showValues(answer);
  };

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
      zoom(apart(now) / apart(before), other);
    } else move(now.x - before.x, now.y - before.y);
  });
  const up = (event) => {
    const point = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (!point || moved > 4 || event.type !== 'pointerup') return;
    ask(view.x + (point.x - width() / 2) / view.scale, view.y + (point.y - height() / 2) / view.scale);
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(2 ** (-event.deltaY / 300), at(event));
  }, {passive: false});
  const keys = {
    ArrowLeft: () => move(60, 0),
    ArrowRight: () => move(-60, 0),
    ArrowUp: () => move(0, 60),
    ArrowDown: () => move(0, -60),
    '+': () => zoom(1.5),
    '=': () => zoom(1.5),
    '-': () => zoom(1 / 1.5),
    0: fit,
    Enter: () => ask(view.x, view.y),
  };
  canvas.addEventListener('keydown', (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });

  choice.addEventListener('change', choose);
  bar.append(choice, button('+', 'closer', () => zoom(1.5)), button('−', 'further', () => zoom(1 / 1.5)), button('all', 'show all', fit));
  sheet.append(canvas, scale);
  const below = element('div', 'below');
  below.append(legend);
  root.append(bar, sheet, below, place, values);
  el.append(root);
  model.on('msg:custom', take);
  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  requestAnimationFrame(fit);
  choose();
  return () => {
    resized.disconnect();
    model.off('msg:custom', take);
  };
}

export default {render};
