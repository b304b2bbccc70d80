// The labelling page: points one at a time, and answers that the server has on its disk before the
// next point is shown.
import {agreementParts} from './agreement.js';
import {Around} from './around.js';
import {Chips} from './chips.js';
import {coordinatesText} from './answer.js';
import {json, label, make, redraw, swatch} from './dom.js';
import {Grid} from './projection.js';
import {Outdated, send} from './send.js';

const byId = (id) => document.getElementById(id);

/** Say what went wrong where people look; nothing: take it away. */
function complain(error = null) {
  byId('trouble').textContent = error ? String(error.message ?? error) : '';
  byId('trouble').hidden = !error;
}

const KINDS = {
  todo: ['to do', (answer) => !answer],
  skipped: ['skipped', (answer) => answer && answer.label === null],
  doubt: ['in doubt', (answer) => answer?.doubt],
  all: ['all points', () => true],
};

class Page {
  constructor(facts, {answers, said}) {
    this.facts = facts;
    this.grid = new Grid(facts.grid);
    this.answers = new Map(Object.entries(answers));
    this.said = said;
    this.questions = facts.questions;
    this.chips = new Chips(facts);
    this.around = new Around('map', byId('scale'), this.grid, complain);
    this.picture = facts.pictures[0].id;
    this.drafts = new Map();
    this.mine = [];
    this.kind = 'todo';
    this.keys = true;
    this.busy = false;
    const first = this.questions.findIndex(({key}) => !this.answers.has(key));
    this.at = Math.max(first, 0);
  }

  async start() {
    this.#form();
    document.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('visibilitychange', () => document.hidden || this.#reload().catch(complain));
    byId('compare').addEventListener('click', () => this.#compare().catch(complain));
    await this.show(this.at);
    document.body.dataset.ready = 'yes';
  }

  get question() {
    return this.questions[this.at];
  }

  get answer() {
    return this.answers.get(this.question.key) ?? null;
  }

  /** What is entered and not sent yet, else what was answered. */
  get draft() {
    const {key} = this.question;
    return this.drafts.get(key) ?? {doubt: this.answer?.doubt ?? false, comment: this.answer?.comment ?? ''};
  }

  #form() {
    const {classes, basemap} = this.facts;
    const action = (id, text, key, act, more = {}) =>
      make('button', {type: 'button', id, onclick: act, ...more}, text, make('kbd', {}, key));
    this.buttons = classes.map((item, n) =>
      make(
        'button',
        {type: 'button', class: 'class', 'aria-pressed': 'false', onclick: () => this.give(item.name)},
        n < 9 ? make('kbd', {}, n + 1) : '',
        swatch(item.colour),
        label(item.name),
      ),
    );
    this.doubt = action('doubt', 'In doubt', 'D', () => this.#doubt(), {'aria-pressed': 'false'});
    this.comment = make('textarea', {
      id: 'comment',
      rows: 1,
      maxlength: 2000,
      oninput: () => this.#draft({comment: this.comment.value}),
      onchange: () => this.#again(),
    });
    const keys = make('input', {type: 'checkbox', checked: true, onchange: () => (this.keys = keys.checked)});
    byId('asked').append(
      make('div', {class: 'classes', role: 'group', 'aria-label': 'Class'}, this.buttons),
      make(
        'div',
        {class: 'actions'},
        action('skip', 'Skip', 'S', () => this.give(null)),
        this.doubt,
        action('undo', 'Undo', 'U', () => this.undo()),
        basemap ? make('a', {id: 'basemap', target: '_blank', rel: 'noopener noreferrer'}, 'Open in a map', make('kbd', {}, 'B')) : '',
      ),
      make('p', {class: 'comment'}, make('label', {for: 'comment'}, 'Comment ', make('kbd', {}, 'C')), this.comment),
      make('label', {class: 'check small'}, keys, 'Answer by keys'),
    );
  }

  /** Show a question. It can be answered once its own chips are there. */
  async show(at) {
    this.at = at;
    this.#seen(null);
    complain();
    this.#draw();
    const {key, place, period} = this.question;
    byId('where').textContent = `${place.map((value) => value.toFixed(0)).join(', ')} · ${coordinatesText(this.grid.degrees(place))}`;
    const item = this.facts.pictures.find(({id}) => id === this.picture);
    this.around.show(place, item, period).catch(complain);
    try {
      const values = await this.chips.values(key);
      if (this.question.key === key) {
        redraw(
          byId('chips'),
          this.#widths(),
          this.chips.table(values, this.picture, (id) => this.#choose(id)),
        );
        this.#seen(key);
        const next = this.#next(1);
        if (next !== null) {
          this.chips.values(this.questions[next].key).catch(() => {});
        }
      }
    } catch (error) {
      byId('chips').replaceChildren(); // nothing is better than the point before
      this.#seen(key);
      complain(error);
    }
  }

  /** Note which question's chips are shown; null: not those of the one that is asked. */
  #seen(key) {
    this.seen = key;
    document.body.dataset.seen = key ?? '';
  }

  #widths() {
    const {edges, grid} = this.facts;
    const button = (text, name, steps, last) =>
      make(
        'button',
        {type: 'button', 'aria-label': name, disabled: this.chips.edge === last, onclick: () => this.#widen(steps)},
        text,
      );
    const metres = this.chips.edge * grid.resolution;
    return make(
      'p',
      {class: 'widths small'},
      `${metres.toLocaleString('en', {maximumFractionDigits: 0})} m across `,
      button('−', 'Show less around the point', -1, edges[0]),
      button('+', 'Show more around the point', 1, edges.at(-1)),
    );
  }

  #widen(steps) {
    this.chips.widen(steps);
    return this.show(this.at);
  }

  #choose(id) {
    this.picture = id;
    return this.show(this.at);
  }

  /** Draw what is known of the question, without its pictures. */
  #draw() {
    const {question, answer, draft} = this;
    const {classes, settle, basemap, labeller} = this.facts;
    const done = this.questions.filter(({key}) => this.answers.has(key)).length;
    byId('progress').textContent = `${done} of ${this.questions.length} ${settle ? 'settled' : 'answered'} · ${labeller}`;
    redraw(byId('head'), ...this.#head(question, answer));
    this.buttons.forEach((button, n) =>
      button.setAttribute('aria-pressed', String(answer?.label === classes[n].name)),
    );
    this.doubt.setAttribute('aria-pressed', String(draft.doubt));
    if (document.activeElement !== this.comment || this.comment.value !== draft.comment) {
      this.comment.value = draft.comment;
    }
    if (basemap) {
      const [lon, lat] = this.grid.degrees(question.place);
      byId('basemap').href = basemap.replaceAll('{lon}', lon.toFixed(6)).replaceAll('{lat}', lat.toFixed(6));
    }
  }

  #head(question, answer) {
    const filter = make(
      'select',
      {id: 'kind', 'aria-label': 'Points to go through', onchange: () => this.#filter(filter.value)},
      Object.entries(KINDS).map(([kind, [text]]) => make('option', {value: kind, selected: kind === this.kind}, text)),
    );
    const step = (text, name, by) =>
      make('button', {type: 'button', 'aria-label': name, onclick: () => this.#step(by)}, text);
    const said = answer && (answer.label === null ? 'skipped' : label(answer.label));
    return [
      make(
        'h2',
        {},
        `Point ${question.name}`,
        question.period ? make('span', {class: 'period'}, question.period) : '',
      ),
      make('span', {class: 'steps'}, step('←', 'Previous point', -1), filter, step('→', 'Next point', 1)),
      answer ? make('p', {class: 'said'}, 'Answered: ', make('b', {}, said), answer.doubt ? ', in doubt' : '') : '',
      ...this.#others(question),
    ];
  }

  /** What labellers said, where their differences are settled. */
  #others(question) {
    const {classes} = this.facts;
    return Object.entries(this.said[question.key] ?? {}).map(([name, {label: given, doubt, comment}]) => {
      const colour = classes.find((item) => item.name === given)?.colour;
      return make(
        'p',
        {class: 'said'},
        `${name}: `,
        colour ? swatch(colour) : '',
        make('b', {}, given === null ? 'skipped' : label(given)),
        doubt ? ', in doubt' : '',
        comment ? ` – ${comment}` : '',
      );
    });
  }

  #filter(kind) {
    this.kind = kind;
    const next = this.#fits(this.at) ? this.at : this.#next(1);
    return next === null ? complain(`No point is ${KINDS[kind][0]}.`) : this.show(next);
  }

  #fits(at) {
    return KINDS[this.kind][1](this.answers.get(this.questions[at].key) ?? null);
  }

  /** The next question of those that are gone through, forwards or back; null: there is none. */
  #next(by) {
    const count = this.questions.length;
    for (let n = 1; n < count; n += 1) {
      const at = (this.at + by * n + n * count) % count;
      if (this.#fits(at)) {
        return at;
      }
    }
    return null;
  }

  #step(by) {
    const next = this.#next(by);
    if (next !== null) {
      this.show(next);
    }
  }

  #draft(change) {
    this.drafts.set(this.question.key, {...this.draft, ...change});
  }

  #doubt() {
    this.#draft({doubt: !this.draft.doubt});
    this.#draw();
    this.#again();
  }

  /** Send an answer that was given with another doubt or comment. */
  #again() {
    if (this.answer) {
      this.#send(this.answer.label);
    }
  }

  /** Answer, null to skip, and go on once that is on the disk. */
  async give(name) {
    if (this.seen !== this.question.key) {
      return; // whoever answers now looks at the point before
    }
    if (await this.#send(name)) {
      const next = this.#next(1);
      if (next === null) {
        this.#finished();
      } else {
        await this.show(next);
      }
    }
  }

  #finished() {
    const skipped = [...this.answers.values()].filter((answer) => answer.label === null).length;
    complain(
      this.kind === 'todo'
        ? `All points are answered, ${skipped} of them skipped. Stop the command with Ctrl-C: it writes the result.`
        : `No other point is ${KINDS[this.kind][0]}.`,
    );
  }

  /** Whether the answer to this question is on the disk. */
  async #send(name) {
    const {question, answer, draft} = this;
    return this.#alone(async () => {
      const seen = answer?.revision ?? 0;
      const given = await send('api/answer', {question: question.key, label: name, ...draft, seen});
      this.answers.set(question.key, given);
      this.drafts.delete(question.key);
      this.mine.push(question.key);
    }, question);
  }

  /** Take back what was answered last on this page. */
  async undo() {
    const key = this.mine.at(-1);
    if (!key) {
      return complain('Nothing was answered on this page that could be taken back.');
    }
    const at = this.questions.findIndex((one) => one.key === key);
    const taken = await this.#alone(async () => {
      const left = await send('api/undo', {question: key, seen: this.answers.get(key)?.revision ?? 0});
      this.#know(key, left);
      this.mine.pop();
    }, this.questions[at]);
    return taken ? this.show(at) : null;
  }

  #know(key, answer) {
    if (answer) {
      this.answers.set(key, answer);
    } else {
      this.answers.delete(key);
    }
  }

  /** Do one thing at a time, and say why it failed; whether it was done. */
  async #alone(act, question) {
    if (this.busy) {
      return false;
    }
    this.busy = true;
    document.body.classList.add('busy');
    complain();
    try {
      await act();
      return true;
    } catch (error) {
      if (error instanceof Outdated) {
        this.#know(question.key, error.current);
        this.mine = this.mine.filter((key) => key !== question.key);
      }
      complain(error);
      return false;
    } finally {
      this.busy = false;
      document.body.classList.remove('busy');
      this.#draw();
    }
  }

  /** Take up what was answered elsewhere. */
  async #reload() {
    const {answers, said} = await json('api/answers');
    this.answers = new Map(Object.entries(answers));
    this.said = said;
    this.#draw();
  }

  async #compare() {
    const panel = byId('agreement');
    const open = panel.hidden;
    byId('compare').setAttribute('aria-expanded', String(open));
    panel.hidden = !open;
    if (open) {
      const found = await json('api/agreement');
      const close = make('button', {type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => byId('compare').click()}, '×');
      panel.replaceChildren(make('h2', {}, 'Agreement'), close, ...agreementParts(found, this.facts, (written) => this.#write(written)));
    }
  }

  async #write(written) {
    try {
      written((await send('api/result', {})).path);
    } catch (error) {
      complain(error);
    }
  }

  #key(event) {
    const writing = event.target === this.comment;
    if (writing && (event.key === 'Escape' || (event.key === 'Enter' && !event.shiftKey))) {
      event.preventDefault();
      this.comment.blur();
      return;
    }
    const elsewhere = writing || event.target.closest?.('select, input, #map');
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !this.keys) {
      return;
    }
    if (event.key === 'Escape' && !byId('agreement').hidden) {
      byId('compare').click();
    } else if (!writing && !event.target.closest?.('select') && /^[1-9]$/.test(event.key)) {
      this.buttons[event.key - 1]?.click();
    } else if (!elsewhere) {
      this.#letter(event);
    }
  }

  #letter(event) {
    const act = {
      s: () => byId('skip').click(),
      d: () => this.doubt.click(),
      u: () => byId('undo').click(),
      c: () => this.comment.focus(),
      b: () => byId('basemap')?.click(),
      arrowleft: () => this.#step(-1),
      arrowright: () => this.#step(1),
      '+': () => this.#widen(1),
      '-': () => this.#widen(-1),
    }[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  }
}

function banner(facts) {
  document.title = `Label points – ${facts.labeller}`;
  byId('simulated').textContent = `SIMULATED DATA: ${facts.simulated.join(', ')}`;
  byId('simulated').hidden = !facts.simulated.length;
}

async function start() {
  const [facts, known] = await Promise.all([json('api/project'), json('api/answers')]);
  banner(facts);
  await new Page(facts, known).start();
}

start().catch(complain);
