// How values become colours: each function fills RGBA from the bands of a tile.

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

const packed = ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red;

/** Codes in the colours of their classes; hidden ones and 0 stay clear. */
export function classColours(classes, hidden) {
  const table = new Int32Array(256);
  for (const item of classes) {
    table[item.code] = hidden.has(item.code) ? 0 : packed(rgb(item.colour));
  }
  return ([codes], out) => codes.forEach((code, n) => (out[n] = table[code]));
}

/** Numbers in colours of their own; others stay clear. */
export function codeColours({colours}) {
  const codes = Object.keys(colours).map(Number);
  const table = new Int32Array(Math.max(...codes) + 1);
  for (const code of codes) {
    table[code] = packed(rgb(colours[code]));
  }
  return ([values], out) => values.forEach((value, n) => (out[n] = table[value] ?? 0));
}

/** Colour of a ramp at 0 to 1. */
function between(stops, share) {
  const at = share * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const [from, to] = [rgb(stops[low]), rgb(stops[low + 1])];
  return from.map((part, n) => Math.round(part + (at - low) * (to[n] - part)));
}

/** One band by a ramp; above `threshold`, where there is one, in the colour `outside`. */
export function rampColours({low, high, colours, threshold = Infinity, outside = '#000000'}) {
  const steps = 256;
  const table = Int32Array.from({length: steps}, (_, n) => packed(between(colours, n / (steps - 1))));
  const beyond = packed(rgb(outside));
  const scale = (steps - 1) / (high - low || 1);
  return ([values], out) =>
    values.forEach((value, n) => {
      if (value === value) {
        const place = Math.min(Math.max(Math.round((value - low) * scale), 0), steps - 1);
        out[n] = value > threshold ? beyond : table[place];
      }
    });
}

/** Three bands as red, green and blue, each from `low` to `high`; clear where red is `nodata`. */
export function bandColours({low, high, nodata = NaN}) {
  const scale = low.map((value, band) => 255 / (high[band] - value || 1));
  const part = (value, band) =>
    Math.min(Math.max(Math.round((value - low[band]) * scale[band]), 0), 255);
  return ([red, green, blue], out) =>
    red.forEach((value, n) => {
      const sum = value + green[n] + blue[n];
      if (sum === sum && value !== nodata) {
        out[n] = packed([part(value, 0), part(green[n], 1), part(blue[n], 2)]);
      }
    });
}

export function colouring(item, classes, hidden) {
  if (item.kind === 'classes') {
    return classColours(classes, hidden);
  }
  if (item.kind === 'codes') {
    return codeColours(item);
  }
  return item.kind === 'bands' ? bandColours(item) : rampColours(item);
}
