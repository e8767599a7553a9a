// Pictures of scalograms with text axes, and a cursor that moves with the sound.

const FREQUENCIES = [1, 2, 5].flatMap((m) => [1, 10, 100, 1000, 10000, 100000].map((d) => m * d));
const FEW = 5; // labels on an axis

/** An element with properties and children; text is never parsed as HTML. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function pngUrl(encoded) {
  return `data:image/png;base64,${encoded}`;
}

/** A number as a short label: 2000 becomes 2k. */
function short(value) {
  return value >= 1000 ? `${value / 1000}k` : String(value);
}

/** Round numbers from 0 to `end`, about `count` of them. */
function roundTicks(end, count) {
  const rough = end / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const n = Math.floor(end / step + 1e-9);
  return Array.from({ length: n + 1 }, (_, k) => Number((k * step).toPrecision(6)));
}

/** Round frequencies on a logarithmic axis: 1, 2 and 5 times powers of ten, or only powers. */
function frequencyTicks(low, high) {
  const within = FREQUENCIES.filter((f) => f >= low && f <= high).sort((a, b) => a - b);
  const decades = within.filter((f) => String(f)[0] === "1");
  return within.length > 2 * FEW && decades.length > 1 ? decades : within;
}

function axisLabel(text, property, share) {
  const label = element("span", { className: "tick" }, text);
  label.style[property] = `${100 * share}%`;
  return label;
}

class Scalograms {
  #container;
  #onSeek;
  #comparison = null;
  #duration = 1;
  #images = [];
  #cursors = [];

  constructor(container, onSeek) {
    this.#container = container;
    this.#onSeek = onSeek;
  }

  /** Show the target, with room for one metamer below it. */
  load(comparison, duration) {
    this.#comparison = comparison;
    this.#duration = duration;
    this.#cursors = [];
    this.#images = [this.#figure(false), this.#figure(true)];
    this.#container.replaceChildren(...this.#images.map(({ figure }) => figure));
    this.#draw(0, 0);
  }

  /** Show this metamer below the target. */
  select(index) {
    this.#draw(1, index);
  }

  /** Mark which of the two pictures shows the audible sound. */
  mark(isMetamer) {
    this.#images.forEach(({ figure }, k) => figure.classList.toggle("heard", (k === 1) === isMetamer));
  }

  move(position) {
    for (const cursor of this.#cursors) cursor.style.left = `${(100 * position) / this.#duration}%`;
  }

  #draw(place, index) {
    const { name, scalogram } = this.#comparison.sounds[index];
    const { image, caption } = this.#images[place];
    image.src = pngUrl(scalogram);
    image.alt = `Scalogram of ${name}: level at each time and frequency`;
    caption.textContent = name;
  }

  #figure(isLast) {
    const { low_hz: low, high_hz: high } = this.#comparison;
    const image = element("img", { draggable: false });
    const cursor = element("div", { className: "cursor" });
    this.#cursors.push(cursor);
    const picture = element("div", { className: "picture" }, image, cursor);
    this.#listen(picture);
    const ordinate = element("div", { className: "ordinate", ariaHidden: "true" });
    for (const f of frequencyTicks(low, high)) {
      ordinate.append(axisLabel(short(f), "bottom", Math.log(f / low) / Math.log(high / low)));
    }
    ordinate.append(element("span", { className: "unit" }, "Hz"));
    const parts = [ordinate, picture];
    if (isLast) {
      const abscissa = element("div", { className: "abscissa", ariaHidden: "true" });
      for (const t of roundTicks(this.#duration, FEW)) {
        abscissa.append(axisLabel(String(t), "left", t / this.#duration));
      }
      parts.push(abscissa, element("div", { className: "unit", ariaHidden: "true" }, "s"));
    }
    const caption = element("figcaption");
    const figure = element("figure", {}, caption, element("div", { className: "plot" }, ...parts));
    return { figure, image, caption };
  }

  #listen(picture) {
    const seek = (event) => {
      const { left, width } = picture.getBoundingClientRect();
      this.#onSeek((this.#duration * (event.clientX - left)) / width);
    };
    picture.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType !== "mouse") return;
      picture.setPointerCapture(event.pointerId);
      seek(event);
    });
    picture.addEventListener("click", (event) => {
      if (event.pointerType !== "mouse") seek(event); // not at pointerdown: a touch may begin a scroll
    });
    picture.addEventListener("pointermove", (event) => {
      if (picture.hasPointerCapture(event.pointerId)) seek(event);
    });
  }
}
