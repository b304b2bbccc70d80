// How labellers agree, as a panel.
import {label, make, number, percent, swatch} from './dom.js';

function confusion({labellers: [first, second], matrix}, classes) {
  const shown = classes
    .map((item, n) => ({item, n}))
    .filter(({n}) => matrix[n].some(Boolean) || matrix.some((row) => row[n]));
  return make(
    'table',
    {class: 'confusion'},
    make('caption', {}, `Rows: ${first}; columns: ${second}`),
    make('thead', {}, make('tr', {}, make('td'), shown.map(({item}) => make('th', {scope: 'col'}, label(item.name))))),
    make(
      'tbody',
      {},
      shown.map(({item, n}) =>
        make(
          'tr',
          {},
          make('th', {scope: 'row'}, swatch(item.colour), label(item.name)),
          shown.map(({n: m}) => make('td', {class: n === m ? 'alike' : null}, matrix[n][m] || '')),
        ),
      ),
    ),
  );
}

function pair(found, classes) {
  const {labellers, both, agreed, overall, kappa} = found;
  const title = make('h3', {}, labellers.join(' and '));
  if (!both) {
    return [title, make('p', {}, 'They labelled no point both.')];
  }
  return [
    title,
    make('p', {}, `${agreed} of ${both} alike (${percent(overall)}), kappa ${number(kappa)}`),
    confusion(found, classes),
  ];
}

/** What the panel holds; `write` writes the result, and tells its path to what it is given. */
export function agreementParts({pairs, open}, {classes, settle}, write) {
  const hint = settle ? '' : ': `minecover label --settle` shows them';
  const found = pairs.length
    ? [
        ...pairs.flatMap((one) => pair(one, classes)),
        make('p', {class: 'note'}, open ? `${open} to settle${hint}.` : 'Nothing to settle.'),
      ]
    : [make('p', {}, 'One labeller so far. Another starts `minecover label` with a --labeller of their own.')];
  const where = make('p', {class: 'small', role: 'status'});
  const button = make(
    'button',
    {type: 'button', onclick: () => write((path) => (where.textContent = `Written: ${path}`))},
    'Write the result',
  );
  return [...found, make('p', {}, button), where];
}
