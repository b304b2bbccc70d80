// The panel beside the map: which layers, how strongly, which classes.
import {label, make, number, swatch} from './dom.js';

/** A choice of layers, by group. */
export function layerChoice(id, text, layers, none, chosen) {
  const groups = Map.groupBy(layers, (item) => item.group);
  const select = make(
    'select',
    {id, onchange: () => chosen(select.value)},
    none === null ? null : make('option', {value: ''}, none),
    [...groups].map(([group, items]) =>
      make(
        'optgroup',
        {label: group},
        items.map((item) => make('option', {value: item.id}, item.title)),
      ),
    ),
  );
  return {element: make('p', {}, make('label', {for: id}, text), select), select};
}

export function slider(id, text, value, changed) {
  const input = make('input', {
    id,
    type: 'range',
    min: 0,
    max: 100,
    value: Math.round(100 * value),
    oninput: () => changed(input.value / 100),
  });
  return {element: make('p', {}, make('label', {for: id}, text), input), input};
}

/** A slider through the periods, which says where it stands. */
export function periodSlider(periods, chosen, changed) {
  const said = make('output', {for: 'period'}, chosen);
  const input = make('input', {
    id: 'period',
    type: 'range',
    min: 0,
    max: periods.length - 1,
    value: periods.indexOf(chosen),
    'aria-valuetext': chosen,
    oninput: () => {
      said.textContent = periods[input.value];
      input.setAttribute('aria-valuetext', periods[input.value]);
      changed(periods[input.value]);
    },
  });
  return make('p', {}, make('label', {for: 'period'}, 'Period '), said, input);
}

/** A choice of the period of what lies underneath. */
export function periodChoice(periods, chosen, changed) {
  const select = make(
    'select',
    {id: 'before', onchange: () => changed(select.value)},
    periods.map((period) => make('option', {value: period}, period)),
  );
  select.value = chosen;
  return make('p', {}, make('label', {for: 'before'}, 'Period underneath'), select);
}

export function checkbox(text, checked, changed, mark = null) {
  const input = make('input', {type: 'checkbox', checked, onchange: () => changed(input.checked)});
  return {element: make('label', {class: 'check'}, input, mark, ' ', text), input};
}

/** Legend of a layer: classes that can be switched, or the ends of its colours. */
export function legend(item, classes, hidden, toggled) {
  const key = legendKey(item, classes, hidden, toggled);
  if (item.url && item.step > 1 && !item.tiles) {
    const said = `One pixel of every ${item.step} x ${item.step}: \`minecover view\` shows all.`;
    return make('div', {}, key, make('p', {class: 'small'}, said));
  }
  return key;
}

function legendKey(item, classes, hidden, toggled) {
  if (item.kind === 'classes') {
    return make(
      'fieldset',
      {class: 'legend'},
      make('legend', {}, 'Classes'),
      classes.map((one) => {
        const changed = (shown) => toggled(one.code, shown);
        return checkbox(label(one.name), !hidden.has(one.code), changed, swatch(one.colour)).element;
      }),
    );
  }
  if (item.kind === 'codes') {
    return make(
      'div',
      {class: 'legend small'},
      make('p', {}, item.note),
      item.key.map(([colour, name]) => make('p', {class: 'check'}, swatch(colour), label(name))),
    );
  }
  if (item.kind === 'bands') {
    const said = item.stored
      ? `Red, green and blue: ${item.stored.map(label).join(', ')}`
      : 'Red, green and blue as the eye sees them.';
    return make('p', {class: 'small'}, said);
  }
  const ramp = make('div', {class: 'ramp', 'aria-hidden': 'true'});
  ramp.style.background = `linear-gradient(to right, ${item.colours.join(', ')})`;
  const unit = {1: '', degree: '°'}[item.unit] ?? ` ${item.unit}`;
  const ends = make(
    'p',
    {class: 'ends small'},
    make('span', {}, `${number(item.low)}${unit}`),
    make('span', {}, `${number(item.high)}${unit}`),
  );
  const beyond = item.outside
    ? make('p', {class: 'small'}, swatch(item.outside), ` above ${number(item.threshold)}: outside the model's reach`)
    : null;
  return make('div', {class: 'legend'}, ramp, ends, beyond);
}
