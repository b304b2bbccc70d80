// What is known of a place: classes with probabilities, seasons, features, samples, the mine.
import {seasonChart} from './chart.js';
import {label, make, number, percent, swatch} from './dom.js';

const row = (head, ...cells) =>
  make('tr', {}, make('th', {scope: 'row'}, head), ...cells.map((cell) => make('td', {}, cell)));

/** Classes by probability, the likeliest first. */
function probabilities(classes, values) {
  const ranked = classes.map((item, n) => [item, values[n]]).sort((a, b) => b[1] - a[1]);
  return make(
    'table',
    {class: 'bars'},
    make('caption', {}, 'Classes by probability'),
    ranked.map(([item, value]) => {
      const bar = make('span', {class: 'bar', 'aria-hidden': 'true'});
      bar.style.width = `${Math.round(100 * value)}%`;
      bar.style.backgroundColor = item.colour;
      return row([swatch(item.colour), label(item.name)], make('span', {class: 'track'}, bar), percent(value));
    }),
  );
}

/** Whether a place lies within the model's reach. */
function reach(value, threshold) {
  const within = value <= threshold;
  return make(
    'p',
    {class: within ? 'note' : 'note warning'},
    within
      ? `Within the model's reach: dissimilarity ${number(value)}, at most ${number(threshold)}.`
      : `Outside the model's reach: dissimilarity ${number(value)}, above ${number(threshold)}. ` +
          'Nothing like it is among the labelled points, so the class is a guess.',
  );
}

/** The classes that a place may be of, where it was found which sets hold the true one. */
function possible({level, least}, classes, values) {
  const highest = Math.max(...values);
  const names = classes
    .filter((_, n) => values[n] === highest || values[n] >= Math.fround(least[n]))
    .map((item) => label(item.name));
  const set = `The set that holds the true class at ${percent(level)}: ${names.join(', ')}.`;
  return make('p', {class: names.length > 1 ? 'note warning' : 'note'}, set);
}

/** Figures of a mine that is followed through periods. */
function historySheet(mine) {
  const hectares = (value) => `${number(value, 4)} ha`;
  return make(
    'section',
    {},
    make('h3', {}, `Mine ${mine.mine} in ${mine.period}`),
    make(
      'table',
      {},
      row('Area', hectares(mine.area_ha)),
      row('Growth', hectares(mine.growth_ha)),
      row('Ever mined', hectares(mine.ground_ha)),
      row('First disturbed', mine.first_disturbed),
      row('Centre', coordinatesText([mine.lon, mine.lat])),
    ),
  );
}

/** What a place was in every period. */
const history = (codes, classes) =>
  make(
    'table',
    {},
    make('caption', {}, 'Through the periods'),
    codes.map(([period, code]) => {
      const item = classes.find((one) => one.code === code);
      return row(period, item ? make('span', {}, swatch(item.colour), label(item.name)) : 'no class');
    }),
  );

export function mineSheet(mine) {
  if (mine.period) {
    return historySheet(mine);
  }
  return make(
    'section',
    {},
    make('h3', {}, `Outline ${mine.id}: ${label(mine.class)}`),
    make(
      'table',
      {},
      row('Area', `${number(mine.area_ha, 4)} ha`),
      row('Perimeter', `${number(mine.perimeter_m / 1000)} km`),
      row('Mean probability', percent(mine.probability)),
      row('Doubtful share', percent(mine.doubtful)),
      row('Centre', coordinatesText([mine.lon, mine.lat])),
    ),
  );
}

export function coordinatesText([longitude, latitude]) {
  const [north, east] = [latitude < 0 ? 'S' : 'N', longitude < 0 ? 'W' : 'E'];
  return `${Math.abs(latitude).toFixed(5)}° ${north}, ${Math.abs(longitude).toFixed(5)}° ${east}`;
}

/** Chart of one feature, chosen among those that have a value in every season. */
function seasons(facts, shown) {
  const chart = make('div');
  const legend = make('p', {class: 'key'});
  legend.append(make('span', {class: 'own-key', 'aria-hidden': 'true'}), ' this pixel ');
  for (const item of shown) {
    legend.append(swatch(item.colour), ` ${label(item.name)} `);
  }
  const show = (name) => {
    const {values, classes} = facts.features[name];
    const series = shown
      .filter((item) => classes[item.name])
      .map((item) => ({...item, ...classes[item.name]}));
    chart.replaceChildren(seasonChart(facts.seasons, values, series));
  };
  const names = Object.keys(facts.features);
  const choice = make(
    'select',
    {onchange: () => show(choice.value)},
    names.map((name) => make('option', {value: name}, name)),
  );
  choice.value = names.includes('NDVI') ? 'NDVI' : names[0];
  show(choice.value);
  return make(
    'section',
    {},
    make('h3', {}, 'Through the seasons'),
    make('label', {}, 'Feature ', choice),
    chart,
    legend,
    make('p', {class: 'small'}, 'Lines and bands: median and middle half of the labelled points.'),
  );
}

function topFeatures(facts, likeliest) {
  if (!facts.top.length) {
    return null;
  }
  return make(
    'table',
    {},
    make('caption', {}, `Highest-ranked features, and the middle half of ${label(likeliest.name)}`),
    facts.top.map((item) => {
      const own = item.classes[likeliest.name];
      const range = own ? `${number(own[0])} to ${number(own[2])}` : '–';
      return row(label(item.name), number(item.value), range);
    }),
  );
}

function nearest(facts, classes) {
  const known = new Map(classes.map((item) => [item.name, item]));
  return make(
    'table',
    {},
    make('caption', {}, 'Nearest labelled points'),
    facts.nearest.map((item) =>
      row(
        [swatch(known.get(item.class)?.colour ?? '#888888'), label(item.class)],
        `${number(item.metres)} m`,
        item.period ? `${item.id} (${item.period})` : item.id,
      ),
    ),
  );
}

/**
 * Fill the answer.
 * @param {object} place `{degrees, probability, entropy, dissimilarity, mine, facts}`.
 */
export function describe(place, document) {
  const {classes} = document;
  const parts = [make('p', {class: 'small'}, coordinatesText(place.degrees))];
  if (!place.code) {
    return [...parts, make('p', {}, 'The map has no class here.')];
  }
  const ranked = classes
    .map((item, n) => [item, place.probability?.[n] ?? 0])
    .sort((a, b) => b[1] - a[1])
    .map(([item]) => item);
  const mapped = classes.find((item) => item.code === place.code);
  parts.push(make('p', {class: 'verdict'}, swatch(mapped.colour), label(mapped.name)));
  if (place.probability) {
    parts.push(probabilities(classes, place.probability));
  }
  if (place.entropy !== undefined) {
    const most = Math.log2(classes.length);
    parts.push(make('p', {class: 'note'}, `Entropy ${number(place.entropy)} of ${number(most)} bits.`));
  }
  if (place.probability && document.sets && place.latest) {
    parts.push(possible(document.sets, classes, place.probability));
  }
  if (place.dissimilarity !== undefined) {
    parts.push(reach(place.dissimilarity, document.threshold));
  }
  if (place.history.length > 1) {
    parts.push(history(place.history, classes));
  }
  if (place.mine) {
    parts.push(mineSheet(place.mine));
  }
  const {facts} = place;
  if (facts?.error) {
    parts.push(make('p', {class: 'note warning'}, facts.error));
  } else if (facts) {
    if (Object.keys(facts.features).length) {
      parts.push(seasons(facts, [...new Set([mapped, ...ranked])].slice(0, 2)));
    }
    parts.push(topFeatures(facts, mapped), facts.nearest.length ? nearest(facts, classes) : null);
  } else {
    parts.push(
      make('p', {class: 'small'}, 'Seasons, features and labelled points are shown by `minecover view`.'),
    );
  }
  return parts.filter(Boolean);
}

/** Areas by class of a drawn polygon. */
export function areas(hectares, classes) {
  const total = [...hectares].reduce((sum, [, size]) => sum + size, 0);
  const none = hectares.get(0) ?? 0;
  return make(
    'table',
    {class: 'areas'},
    make('caption', {}, `Areas in the polygon: ${number(total, 4)} ha`),
    classes
      .filter((item) => hectares.get(item.code))
      .sort((a, b) => hectares.get(b.code) - hectares.get(a.code))
      .map((item) => {
        const size = hectares.get(item.code);
        return row([swatch(item.colour), label(item.name)], `${number(size, 4)} ha`, percent(size / total));
      }),
    none ? row('without a class', `${number(none, 4)} ha`, percent(none / total)) : null,
  );
}
