// The points that are asked, one of which is shown; what is answered, and what is entered of them.

const KINDS = {
  todo: ['to do', (answer) => !answer],
  skipped: ['skipped', (answer) => answer && answer.label === null],
  doubt: ['in doubt', (answer) => answer?.doubt],
  all: ['all points', () => true],
};

/** Which points may be gone through: what they are called, by name. */
export const KIND_NAMES = Object.entries(KINDS).map(([kind, [text]]) => [kind, text]);

export class Questions {
  #drafts = new Map();

  constructor(all, known) {
    this.all = all;
    this.kind = 'todo';
    this.takeUp(known);
    const first = all.findIndex(({key}) => !this.answers.has(key));
    this.at = Math.max(first, 0);
  }

  /** Take up all that is answered, here and elsewhere. */
  takeUp({answers, said}) {
    this.answers = new Map(Object.entries(answers));
    this.said = said;
  }

  get shown() {
    return this.all[this.at];
  }

  get answer() {
    return this.answers.get(this.shown.key) ?? null;
  }

  /** What is entered and not sent yet, else what was answered. */
  get draft() {
    const {doubt = false, comment = ''} = this.answer ?? {};
    return this.#drafts.get(this.shown.key) ?? {doubt, comment};
  }

  enter(change) {
    this.#drafts.set(this.shown.key, {...this.draft, ...change});
  }

  /** Note what is answered of a question; null: nothing. */
  know(key, answer) {
    if (answer) {
      this.answers.set(key, answer);
    } else {
      this.answers.delete(key);
    }
  }

  /** Note what was answered here, which was entered before. */
  answered(key, answer) {
    this.know(key, answer);
    this.#drafts.delete(key);
  }

  get done() {
    return this.all.filter(({key}) => this.answers.has(key)).length;
  }

  get skipped() {
    return [...this.answers.values()].filter((answer) => answer.label === null).length;
  }

  /** What the points are called that are gone through. */
  get kindName() {
    return KINDS[this.kind][0];
  }

  fits(at) {
    return KINDS[this.kind][1](this.answers.get(this.all[at].key) ?? null);
  }

  /** The next question of those that are gone through, forwards or back; null: there is none. */
  next(by) {
    const count = this.all.length;
    for (let n = 1; n < count; n += 1) {
      const at = (this.at + by * n + n * count) % count;
      if (this.fits(at)) {
        return at;
      }
    }
    return null;
  }
}
