// Answers by keys.
import {byId} from './frame.js';

/** Let keys do what the form's buttons do, `step` to other points, and `widen` the chips. */
export function answerByKeys(form, {step, widen}) {
  const letters = {
    s: () => byId('skip').click(),
    d: () => form.doubt.click(),
    u: () => byId('undo').click(),
    c: () => form.comment.focus(),
    b: () => byId('basemap')?.click(),
    arrowleft: () => step(-1),
    arrowright: () => step(1),
    '+': () => widen(1),
    '-': () => widen(-1),
  };
  document.addEventListener('keydown', (event) => {
    const writing = event.target === form.comment;
    const within = (selector) => event.target.closest?.(selector);
    if (writing && (event.key === 'Escape' || (event.key === 'Enter' && !event.shiftKey))) {
      event.preventDefault();
      form.comment.blur();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !form.keys.checked) {
      return;
    }
    if (event.key === 'Escape' && !byId('agreement').hidden) {
      byId('compare').click();
    } else if (!writing && !within('select') && /^[1-9]$/.test(event.key)) {
      form.buttons[event.key - 1]?.click();
    } else if (!writing && !within('select, input, #map') && letters[event.key.toLowerCase()]) {
      event.preventDefault();
      letters[event.key.toLowerCase()]();
    }
  });
}
