// The labelling page: points one at a time, and answers that the server has on its disk before the
// next point is shown.
import {agreementParts} from './agreement.js';
import {coordinatesText} from './answer.js';
import {AnswerForm} from './answer_form.js';
import {Around} from './around.js';
import {Chips} from './chips.js';
import {make, redraw} from './dom.js';
import {byId, complain, panelContent, sayWhatIsSimulated} from './frame.js';
import {answerByKeys} from './keys.js';
import {headParts} from './point_head.js';
import {Grid} from './projection.js';
import {Questions} from './questions.js';
import {json, Outdated, send} from './requests.js';

class Page {
  constructor(facts, known) {
    this.facts = facts;
    this.grid = new Grid(facts.grid);
    this.questions = new Questions(facts.questions, known);
    this.chips = new Chips(facts);
    this.around = new Around(this.grid);
    this.picture = facts.pictures[0].id;
    this.mine = [];
    this.busy = false;
    this.form = new AnswerForm(facts, {
      give: (name) => this.give(name),
      doubt: () => this.#doubt(),
      undo: () => this.undo(),
      enter: (comment) => this.questions.enter({comment}),
      entered: () => this.#again(),
    });
  }

  async start() {
    answerByKeys(this.form, {step: (by) => this.#step(by), widen: (steps) => this.#widen(steps)});
    document.addEventListener('visibilitychange', () => document.hidden || this.#reload().catch(complain));
    byId('compare').addEventListener('click', () => this.#compare().catch(complain));
    await this.show(this.questions.at);
    document.body.dataset.ready = 'yes';
  }

  /** Show a question. It can be answered once its own chips are there. */
  async show(at) {
    const {questions} = this;
    questions.at = at;
    this.#seen(null);
    complain();
    this.#draw();
    const {key, place, period} = questions.shown;
    byId('where').textContent = `${place.map((value) => value.toFixed(0)).join(', ')} · ${coordinatesText(this.grid.degrees(place))}`;
    const item = this.facts.pictures.find(({id}) => id === this.picture);
    this.around.show(place, item, period).catch(complain);
    try {
      const values = await this.chips.values(key);
      if (questions.shown.key === key) {
        redraw(
          byId('chips'),
          this.#widths(),
          this.chips.table(values, this.picture, (id) => this.#choose(id)),
        );
        this.#seen(key);
        const next = questions.next(1);
        if (next !== null) {
          this.chips.values(questions.all[next].key).catch(() => {});
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
    return this.show(this.questions.at);
  }

  #choose(id) {
    this.picture = id;
    return this.show(this.questions.at);
  }

  /** Draw what is known of the question, without its pictures. */
  #draw() {
    const {questions, form} = this;
    const {classes, settle, labeller} = this.facts;
    byId('progress').textContent = `${questions.done} of ${questions.all.length} ${settle ? 'settled' : 'answered'} · ${labeller}`;
    const acts = {filter: (kind) => this.#filter(kind), step: (by) => this.#step(by)};
    redraw(byId('head'), ...headParts(questions, classes, acts));
    form.draw(questions.answer, questions.draft, this.grid.degrees(questions.shown.place));
  }

  #filter(kind) {
    const {questions} = this;
    questions.kind = kind;
    const next = questions.fits(questions.at) ? questions.at : questions.next(1);
    return next === null ? complain(`No point is ${questions.kindName}.`) : this.show(next);
  }

  #step(by) {
    const next = this.questions.next(by);
    if (next !== null) {
      this.show(next);
    }
  }

  #doubt() {
    this.questions.enter({doubt: !this.questions.draft.doubt});
    this.#draw();
    this.#again();
  }

  /** Send an answer that was given with another doubt or comment. */
  #again() {
    const {answer} = this.questions;
    if (answer) {
      this.#send(answer.label);
    }
  }

  /** Answer, null to skip, and go on once that is on the disk. */
  async give(name) {
    if (this.seen !== this.questions.shown.key) {
      return; // whoever answers now looks at the point before
    }
    if (await this.#send(name)) {
      const next = this.questions.next(1);
      if (next === null) {
        this.#finished();
      } else {
        await this.show(next);
      }
    }
  }

  #finished() {
    const {kind, kindName, skipped} = this.questions;
    complain(
      kind === 'todo'
        ? `All points are answered, ${skipped} of them skipped. Stop the command with Ctrl-C: it writes the result.`
        : `No other point is ${kindName}.`,
    );
  }

  /** Whether the answer to this question is on the disk. */
  async #send(name) {
    const {answer, draft, shown: {key}} = this.questions;
    return this.#alone(key, async () => {
      const seen = answer?.revision ?? 0;
      this.questions.answered(key, await send('api/answer', {question: key, label: name, ...draft, seen}));
      this.mine.push(key);
    });
  }

  /** Take back what was answered last on this page. */
  async undo() {
    const {questions} = this;
    const key = this.mine.at(-1);
    if (!key) {
      return complain('Nothing was answered on this page that could be taken back.');
    }
    const taken = await this.#alone(key, async () => {
      const seen = questions.answers.get(key)?.revision ?? 0;
      questions.know(key, await send('api/undo', {question: key, seen}));
      this.mine.pop();
    });
    return taken ? this.show(questions.all.findIndex((one) => one.key === key)) : null;
  }

  /** Do one thing with a question at a time, and say why it failed; whether it was done. */
  async #alone(key, act) {
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
        this.questions.know(key, error.current);
        this.mine = this.mine.filter((one) => one !== key);
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
    this.questions.takeUp(await json('api/answers'));
    this.#draw();
  }

  async #compare() {
    const panel = byId('agreement');
    const open = panel.hidden;
    byId('compare').setAttribute('aria-expanded', String(open));
    panel.hidden = !open;
    if (open) {
      const found = await json('api/agreement');
      const parts = agreementParts(found, this.facts, (written) => this.#write(written));
      panel.replaceChildren(...panelContent('Agreement', () => byId('compare').click(), parts));
    }
  }

  async #write(written) {
    try {
      written((await send('api/result', {})).path);
    } catch (error) {
      complain(error);
    }
  }
}

async function start() {
  const [facts, known] = await Promise.all([json('api/project'), json('api/answers')]);
  document.title = `Label points – ${facts.labeller}`;
  sayWhatIsSimulated(facts.simulated);
  await new Page(facts, known).start();
}

start().catch(complain);
