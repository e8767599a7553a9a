// The behavior of the page: connects the player, the pictures and the keys.

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const parsed = (id) => JSON.parse($(id).textContent);
const about = parsed("data");
const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");

let comparison = null; // the comparison on display
let shown = null; // its index
let metamer = 1; // index of the metamer below the target

const player = new Player(about.sample_rate, showPlayer);
const scalograms = new Scalograms($("pictures"), seek);

// ---- Comparisons ---------------------------------------------------------------------------------

function listComparisons() {
  const words = $("find").value.toLowerCase().split(/\s+/);
  const found = about.titles
    .map((title, index) => ({ title, index }))
    .filter(({ title }) => words.every((word) => title.toLowerCase().includes(word)));
  const options = found.map(({ title, index }) => element("option", { value: index }, title));
  $("comparison").replaceChildren(...options);
  $("comparison").disabled = !found.length;
  $("found").textContent = found.length
    ? `${found.length} of ${about.titles.length} comparisons`
    : "No title contains these words.";
  if (found.some(({ index }) => index === shown)) $("comparison").value = shown;
  else if (found.length) choose(found[0].index);
  showSteps();
}

function showSteps() {
  const { selectedIndex, length } = $("comparison");
  $("previous").disabled = selectedIndex <= 0;
  $("next").disabled = selectedIndex >= length - 1;
}

function step(by) {
  $("comparison").selectedIndex += by;
  choose(Number($("comparison").value));
}

function choose(index) {
  comparison = parsed(`data-${index}`);
  shown = index;
  metamer = 1;
  const duration = comparison.n_samples / about.sample_rate;
  $("title").textContent = comparison.title;
  $("position").max = duration;
  $("problem").hidden = true;
  player.load(comparison.sounds.map(({ flac }) => flac), duration);
  listSounds();
  scalograms.load(comparison, duration);
  listSettings();
  listOpponents();
  setLevels();
  select(0);
  showSteps();
}

function listSounds() {
  const rows = comparison.sounds.map(({ name, errors }, index) => {
    const radio = element("input", { type: "radio", name: "sound", value: index });
    radio.addEventListener("change", () => select(index));
    const key = element("kbd", {}, index < 10 ? String(index) : "");
    const row = element("label", { className: "sound" }, radio, key);
    if (errors.length) row.append(swatch(index));
    row.append(element("span", { className: "name" }, name));
    if (errors.length) {
      const text = `error ${percent(errors.at(-1))}`;
      row.append(element("span", { className: "error" }, text));
    }
    return row;
  });
  const legend = $("sounds").querySelector("legend");
  $("sounds").replaceChildren(legend, ...rows);
}

function listSettings() {
  $("settings").hidden = !comparison.settings.length;
  const rows = comparison.settings.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
  $("settings-list").replaceChildren(...rows);
}

function listOpponents() {
  const metamers = comparison.sounds.slice(1);
  const options = metamers.map(({ name }, k) => element("option", { value: k + 1 }, name));
  if (metamers.length > 1) {
    options.unshift(element("option", { value: "" }, "a random one in each trial"));
  }
  $("opponent").replaceChildren(...options);
}

function showCurves() {
  const has = comparison.sounds.some(({ errors }) => errors.length);
  $("errors").hidden = !has || test !== null;
  if ($("errors").hidden) return;
  const width = Math.max($("curves").clientWidth, 240);
  $("curves").replaceChildren(drawCurves(comparison.sounds, player.heard, width));
  const entries = comparison.sounds.flatMap(({ name, errors }, index) =>
    errors.length ? [element("li", {}, swatch(index), element("span", {}, name))] : [],
  );
  $("legend").replaceChildren(...entries);
}

// ---- Player --------------------------------------------------------------------------------------

function say(text) {
  $("live").textContent = text;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return `${Math.floor(tenths / 600)}:${rest}`;
}

function showPosition() {
  const { position, duration } = player;
  $("position").value = position;
  $("position").ariaValueText = `${position.toFixed(1)} of ${duration.toFixed(1)} seconds`;
  $("time").textContent = `${clock(position)} / ${clock(duration)}`;
  scalograms.move(position);
}

function showPlayer() {
  const { state } = player;
  if (state !== root.dataset.state) say({ playing: "Playing.", paused: "Paused." }[state] ?? "");
  root.dataset.state = state;
  $("play").textContent = { paused: "Play", loading: "Loading …", playing: "Pause" }[state];
  $("loop").checked = player.loop;
  showPosition();
}

let lastMove = 0;

function move(now) {
  const pause = lessMotion.matches ? 250 : 0; // ms
  if (player.state === "playing" && now - lastMove >= pause) {
    lastMove = now;
    showPosition();
  }
  requestAnimationFrame(move);
}

async function toggle() {
  if (player.state !== "paused") {
    player.pause();
    return;
  }
  $("problem").hidden = true;
  try {
    await player.play();
  } catch (error) {
    $("problem").textContent = `The browser could not play these sounds (${error.message}).`;
    $("problem").hidden = false;
  }
}

function seek(position) {
  player.seek(position);
}

function seekBy(direction) {
  seek(player.position + direction * Math.min(player.duration / 20, 5));
}

function setLevels() {
  const isMatched = $("match").checked;
  player.setGains(comparison.sounds.map((sound) => (isMatched ? sound.matching_gain : 1)));
  $("unmatched").hidden = isMatched;
}

/** Switch to a sound by its key. */
function selectByKey(index) {
  if (index >= comparison.sounds.length) return;
  select(index);
  say(`You hear ${comparison.sounds[index].name}.`);
}

/** Switch to a sound and show it. */
function select(index) {
  player.select(index);
  root.dataset.sound = index;
  $("sounds").querySelectorAll("input")[index].checked = true;
  if (index > 0) metamer = index;
  scalograms.select(metamer);
  scalograms.mark(index > 0);
  showCurves();
}

// ---- Keys ----------------------------------------------------------------------------------------

/** Whether a control handles a key itself. */
function isTaken(target, key) {
  const { tagName, type } = target;
  if (tagName === "SELECT" || ["search", "number", "text"].includes(type)) return true;
  if (key === " ") return tagName === "BUTTON" || type === "checkbox";
  return key.startsWith("Arrow") && target.id === "volume";
}

const KEYS = {
  " ": toggle,
  ArrowLeft: () => seekBy(-1),
  ArrowRight: () => seekBy(1),
  l: () => player.setLoop(!player.loop),
  "?": () => $("keys").showModal(),
};

function onKey(event) {
  const { key, shiftKey, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if ($("keys").open) {
    if (key !== "?") return;
    $("keys").close();
  } else if (isTaken(target, key)) {
    return;
  } else if (KEYS[key.toLowerCase()] ?? KEYS[key]) {
    (KEYS[key.toLowerCase()] ?? KEYS[key])();
  } else if (test) {
    const letter = key.toUpperCase();
    if (event.repeat || !["A", "B", "X"].includes(letter)) return;
    if (!shiftKey) hear(letter);
    else if (letter !== "X") answer(letter);
  } else if (/^[0-9]$/.test(key)) {
    selectByKey(Number(key));
  } else if (key.toLowerCase() === "t") {
    selectByKey(0);
  } else {
    return;
  }
  event.preventDefault();
}

// ---- Start ---------------------------------------------------------------------------------------

function listen() {
  const on = (id, type, action) => $(id).addEventListener(type, action);
  const submit = (id, action) =>
    on(id, "submit", (event) => {
      event.preventDefault();
      action();
    });
  submit("choose", () => {});
  submit("setup", start);
  on("find", "input", listComparisons);
  on("comparison", "change", () => choose(Number($("comparison").value)));
  on("previous", "click", () => step(-1));
  on("next", "click", () => step(1));
  on("play", "click", toggle);
  on("position", "input", () => seek($("position").valueAsNumber));
  on("loop", "change", () => player.setLoop($("loop").checked));
  on("match", "change", setLevels);
  on("volume", "input", () => player.setVolume(($("volume").valueAsNumber / 100) ** 2));
  on("stop", "click", stop);
  on("save", "click", save);
  on("show-keys", "click", KEYS["?"]);
  for (const button of document.querySelectorAll("[data-letter]")) {
    button.addEventListener("click", () => hear(button.dataset.letter));
  }
  for (const button of document.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", () => answer(button.dataset.answer));
  }
  document.addEventListener("keydown", onKey);
  new ResizeObserver(showCurves).observe($("curves"));
}

function begin() {
  listen();
  $("scale").src = pngUrl(about.color_scale);
  $("scale-low").textContent = `−${about.range_db} dB`;
  const gain = about.gain < 1 ? `${(-20 * Math.log10(about.gain)).toFixed(1)} dB` : "";
  $("facts").textContent =
    `Sounds have ${about.sample_rate.toLocaleString("en")} samples per second.` +
    (gain ? ` All sounds are turned down by ${gain} to stay within full scale.` : "");
  $("choose").hidden = about.titles.length === 1;
  listComparisons();
  requestAnimationFrame(move);
}

begin();

// For tests: the position, and the node through which all sounds pass.
window.listening = Object.freeze({ position: () => player.position, output: () => player.output });
