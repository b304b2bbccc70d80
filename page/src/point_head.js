// What stands above a point's chips: its name, the way to others, and what was said of it.
import {label, make, swatch} from './dom.js';
import {KIND_NAMES} from './questions.js';

const said = (who, {label: given, doubt, comment}, colour) =>
  make(
    'p',
    {class: 'said'},
    `${who}: `,
    colour ? swatch(colour) : '',
    make('b', {}, given === null ? 'skipped' : label(given)),
    doubt ? ', in doubt' : '',
    comment ? ` – ${comment}` : '',
  );

/** @param {object} acts `filter(kind)` and `step(by)`. */
export function headParts(questions, classes, acts) {
  const {shown, answer, kind} = questions;
  const filter = make(
    'select',
    {id: 'kind', 'aria-label': 'Points to go through', onchange: () => acts.filter(filter.value)},
    KIND_NAMES.map(([value, text]) => make('option', {value, selected: value === kind}, text)),
  );
  const step = (text, name, by) =>
    make('button', {type: 'button', 'aria-label': name, onclick: () => acts.step(by)}, text);
  return [
    make('h2', {}, `Point ${shown.name}`, shown.period ? make('span', {class: 'period'}, shown.period) : ''),
    make('span', {class: 'steps'}, step('←', 'Previous point', -1), filter, step('→', 'Next point', 1)),
    answer ? said('Answered', {...answer, comment: ''}, null) : '',
    ...Object.entries(questions.said[shown.key] ?? {}).map(([name, given]) =>
      said(name, given, classes.find((item) => item.name === given.label)?.colour),
    ),
  ];
}
