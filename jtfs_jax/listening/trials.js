// The blind test on the page: trials, result and log.

let test = null; // the blind test in progress
let nTests = 0;
const log = []; // of all blind tests

function showReveals() {
  for (const part of document.querySelectorAll("[data-reveals]")) part.hidden = test !== null;
  $("choose").hidden = test !== null || about.titles.length === 1;
  $("settings").hidden = test !== null || !comparison.settings.length;
  $("test").hidden = test === null;
  root.toggleAttribute("data-test", test !== null);
}

function start() {
  test = new BlindTest({
    number: ++nTests,
    comparison: comparison.title,
    names: comparison.sounds.map(({ name }) => name),
    opponent: $("opponent").value ? Number($("opponent").value) : null,
    count: $("trials").valueAsNumber,
  });
  $("result").hidden = true;
  $("feedback").textContent = "";
  showReveals();
  showTrial();
}

function showTrial() {
  player.seek(0);
  hear("A");
  $("trial").textContent = `Trial ${test.rows.length + 1} of ${test.count}`;
  $("trial").focus();
}

function hear(letter) {
  test.hear(letter);
  root.dataset.sound = letter;
  player.select(test.soundOf(letter));
  for (const button of document.querySelectorAll("[data-letter]")) {
    button.ariaPressed = String(button.dataset.letter === letter);
  }
  say(`You hear ${letter}.`);
}

function answer(letter) {
  const isRight = test.answer(letter);
  if ($("tell").checked) {
    $("feedback").textContent = isRight ? "The last answer was right." : "The last answer was wrong.";
  }
  if (test.isOver) stop();
  else showTrial();
  say($("tell").checked ? $("feedback").textContent : "The answer is logged.");
}

function stop() {
  player.pause();
  const { rows, score } = test;
  test = null;
  showReveals();
  select(0);
  log.push(...rows);
  showResult(rows.length, score);
}

function showResult(count, score) {
  const p = pValue(score, count);
  $("score").textContent = count
    ? `${score} of ${count} answers are right. Guessing would give at least this many with ` +
      `probability p\u00a0=\u00a0${p < 0.001 ? p.toExponential(1) : p.toFixed(3)}.`
    : "The test was stopped before the first answer.";
  $("log-head").replaceChildren(
    ...COLUMNS.map((column) => element("th", { scope: "col" }, column)),
  );
  const cell = (value) => element("td", {}, { true: "yes", false: "no" }[value] ?? String(value));
  $("log-rows").replaceChildren(...log.map((row) => element("tr", {}, ...row.map(cell))));
  $("save").disabled = !log.length;
  $("result").hidden = false;
  $("result").focus();
}

function save() {
  const url = URL.createObjectURL(new Blob([csv([COLUMNS, ...log])], { type: "text/csv" }));
  element("a", { href: url, download: "blind-test.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
