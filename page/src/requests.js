// What pages ask of their server, and what they tell it.

/** Parsed JSON of an address. */
export async function json(url) {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`${url.split('?')[0]}: ${answer.status} ${await answer.text()}`);
  }
  return answer.json();
}

/** Float32 values of an address. */
export async function floats(url, signal) {
  const answer = await fetch(url, {signal});
  if (!answer.ok) {
    throw new Error(await answer.text());
  }
  return new Float32Array(await answer.arrayBuffer());
}

/** Why an answer was not taken: the point was answered elsewhere since it was shown here. */
export class Outdated extends Error {
  constructor({error, current}) {
    super(error);
    this.current = current;
  }
}

/** Send JSON, and parse what comes back. */
export async function send(url, value) {
  let answer;
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers: {'content-type': 'application/json'},
      body: JSON.stringify(value),
    });
  } catch {
    throw new Error('Not saved: the server does not answer. Start `minecover label` again; all answers before this one are kept.');
  }
  if (answer.status === 409) {
    throw new Outdated(await answer.json());
  }
  if (!answer.ok) {
    throw new Error(`Not saved: ${await answer.text()}`);
  }
  return answer.json();
}
