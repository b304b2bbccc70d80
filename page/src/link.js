// The view in the page's address, so that a link shows what its sender saw.

const KEYS = ['x', 'y', 'r', 'top', 'under', 'opacity', 'swipe', 'off', 'show', 'at', 'period', 'before'];

/** What the address says, as text by key. */
export function read(hash = location.hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  return Object.fromEntries(KEYS.filter((key) => given.has(key)).map((key) => [key, given.get(key)]));
}

/** Numbers of a value, or null where it is something else. */
export function numbers(text, count) {
  const parts = (text ?? '').split(',');
  const found = parts.map((part) => (part.trim() === '' ? NaN : Number(part)));
  return found.length === count && found.every(Number.isFinite) ? found : null;
}

/** Put the state into the address, without a step of the history for each. */
export function write(state) {
  const kept = Object.entries(state).filter(([, value]) => value !== null && value !== '');
  const hash = new URLSearchParams(kept).toString();
  history.replaceState(null, '', `#${hash}`);
}
