// Elements made of text alone, what data says is never parsed as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  element.append(...children.flat().filter((child) => child !== null).map(asNode));
  return element;
}

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(String(child)));

/** An HTML element with attributes, listeners (`onclick`) and children. */
export const make = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);

/** An SVG element. */
export const draw = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** Put other children into an element; what had the focus has it again, where its like is there. */
export function redraw(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const name = focused?.getAttribute('aria-label');
  parent.replaceChildren(...children);
  if (name) {
    [...parent.querySelectorAll('[aria-label]')]
      .find((element) => element.getAttribute('aria-label') === name)
      ?.focus();
  }
}

/** A square in a colour that comes from data. */
export function swatch(colour) {
  const square = make('span', {class: 'swatch', 'aria-hidden': 'true'});
  square.style.backgroundColor = colour;
  return square;
}

/** A name of the survey as people write it. */
export const label = (name) => String(name).replaceAll('_', ' ');

export const number = (value, digits = 3) =>
  value === null || value === undefined || Number.isNaN(value)
    ? '–'
    : Number(value).toLocaleString('en', {maximumSignificantDigits: digits});

export const percent = (share) => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`);
