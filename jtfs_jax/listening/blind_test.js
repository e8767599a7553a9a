// A blind test: A and B are the target and a metamer in random order, X is one of them.

const COLUMNS = ["test", "trial", "comparison", "A", "B", "X", "answer", "correct", "seconds", "switches"];

/** A random integer from 0 to n − 1, uniformly distributed. */
function randomBelow(n) {
  const limit = 2 ** 32 - (2 ** 32 % n);
  const drawn = new Uint32Array(1);
  do crypto.getRandomValues(drawn);
  while (drawn[0] >= limit);
  return drawn[0] % n;
}

/** The probability of at least `k` right answers in `n` trials, if each is a guess. */
function pValue(k, n) {
  let term = 2 ** -n; // of 0 right answers
  let sum = 0;
  for (let right = 0; right <= n; right++) {
    if (right >= k) sum += term;
    term *= (n - right) / (right + 1);
  }
  return Math.min(sum, 1);
}

/** Rows as CSV (RFC 4180): values with commas, quotes or line breaks are quoted. */
function csv(rows) {
  const quoted = (value) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

class BlindTest {
  #number;
  #comparison;
  #names;
  #opponent;
  #trial = null;

  /** The answers, one row of COLUMNS each. */
  rows = [];

  /** `opponent` is the index of a metamer, or null for a random metamer in each trial. */
  constructor({ number, comparison, names, opponent, count }) {
    this.#number = number;
    this.#comparison = comparison;
    this.#names = names;
    this.#opponent = opponent;
    this.count = count;
    this.#next();
  }

  /** The letter that is audible. */
  get letter() {
    return this.#trial.letter;
  }

  /** The index of the sound that a letter stands for. */
  soundOf(letter) {
    const { A, B, X } = this.#trial;
    return { A, B, X: X === "A" ? A : B }[letter];
  }

  hear(letter) {
    if (letter !== this.#trial.letter) this.#trial.switches++;
    this.#trial.letter = letter;
  }

  /** Log an answer, begin the next trial, and return whether the answer is right. */
  answer(letter) {
    const { A, B, X, switches, began } = this.#trial;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const [a, b] = [this.#names[A], this.#names[B]];
    const trial = this.rows.length + 1;
    const correct = letter === X;
    this.rows.push([this.#number, trial, this.#comparison, a, b, X, letter, correct, seconds, switches]);
    if (!this.isOver) this.#next();
    return correct;
  }

  get isOver() {
    return this.rows.length >= this.count;
  }

  get score() {
    return this.rows.filter((row) => row[COLUMNS.indexOf("correct")]).length;
  }

  #next() {
    const opponent = this.#opponent ?? 1 + randomBelow(this.#names.length - 1);
    const [A, B] = randomBelow(2) ? [0, opponent] : [opponent, 0];
    const X = randomBelow(2) ? "A" : "B";
    this.#trial = { A, B, X, letter: "A", switches: 0, began: performance.now() };
  }
}
