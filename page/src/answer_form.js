// Where a point is answered: a button of each class, doubt, a comment, and what else can be done.
import {label, make, swatch} from './dom.js';
import {byId} from './frame.js';

const action = (id, text, key, act, more = {}) =>
  make('button', {type: 'button', id, onclick: act, ...more}, text, make('kbd', {}, key));

export class AnswerForm {
  /** @param {object} acts `give(name)`, `doubt()`, `undo()`, `enter(comment)` and `entered()`. */
  constructor({classes, basemap}, acts) {
    this.classes = classes;
    this.basemap = basemap;
    this.buttons = classes.map((item, n) =>
      make(
        'button',
        {type: 'button', class: 'class', 'aria-pressed': 'false', onclick: () => acts.give(item.name)},
        n < 9 ? make('kbd', {}, n + 1) : '',
        swatch(item.colour),
        label(item.name),
      ),
    );
    this.doubt = action('doubt', 'In doubt', 'D', acts.doubt, {'aria-pressed': 'false'});
    this.comment = make('textarea', {
      id: 'comment',
      rows: 1,
      maxlength: 2000,
      oninput: () => acts.enter(this.comment.value),
      onchange: acts.entered,
    });
    this.keys = make('input', {type: 'checkbox', checked: true});
    byId('asked').append(
      make('div', {class: 'classes', role: 'group', 'aria-label': 'Class'}, this.buttons),
      make(
        'div',
        {class: 'actions'},
        action('skip', 'Skip', 'S', () => acts.give(null)),
        this.doubt,
        action('undo', 'Undo', 'U', acts.undo),
        basemap ? make('a', {id: 'basemap', target: '_blank', rel: 'noopener noreferrer'}, 'Open in a map', make('kbd', {}, 'B')) : '',
      ),
      make('p', {class: 'comment'}, make('label', {for: 'comment'}, 'Comment ', make('kbd', {}, 'C')), this.comment),
      make('label', {class: 'check small'}, this.keys, 'Answer by keys'),
    );
  }

  /** Show what is answered and entered of a point, and link its place. */
  draw(answer, draft, [lon, lat]) {
    this.buttons.forEach((button, n) =>
      button.setAttribute('aria-pressed', String(answer?.label === this.classes[n].name)),
    );
    this.doubt.setAttribute('aria-pressed', String(draft.doubt));
    if (document.activeElement !== this.comment || this.comment.value !== draft.comment) {
      this.comment.value = draft.comment;
    }
    if (this.basemap) {
      byId('basemap').href = this.basemap.replaceAll('{lon}', lon.toFixed(6)).replaceAll('{lat}', lat.toFixed(6));
    }
  }
}
