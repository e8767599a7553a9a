// Error curves as SVG, with a logarithmic axis in percent.

const N_COLORS = 6; // defined in the style: --line-0, …
const DASHES = ["none", "7 4", "2 4", "10 4 2 4"];
const MARGIN = { left: 58, right: 14, top: 12, bottom: 40 };
const HEIGHT = 240;

/** The color and dashes of a metamer, unique among the first 24. */
function lineStyle(index) {
  const dash = DASHES[(index + Math.floor(index / N_COLORS)) % DASHES.length];
  return { stroke: `var(--line-${index % N_COLORS})`, "stroke-dasharray": dash };
}

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A short piece of a curve, for lists. */
function swatch(index) {
  const line = svg("line", { x1: 1, x2: 31, y1: 6, y2: 6, "stroke-width": 2.5, ...lineStyle(index) });
  return svg("svg", { class: "swatch", width: 32, height: 12, "aria-hidden": "true" }, line);
}

/** An error as text: two significant digits, in percent. */
function percent(error) {
  if (error === null) return "not finite";
  const value = 100 * error;
  return `${value >= 99.5 ? Math.round(value) : value === 0 ? 0 : value.toPrecision(2)} %`;
}

/** 1, 2 and 5 times powers of ten, or only powers of ten, between two values. */
function logarithmicTicks(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const powers = Array.from({ length: last - first + 1 }, (_, k) => first + k);
  const factors = powers.length > 4 ? [1] : [1, 2, 5];
  // Convert from text: 2e-1 is 0.2, but 2 * 10 ** -1 may not be.
  const ticks = powers.flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** Points of a curve, split where values are missing: null, or 0 on a logarithmic axis. */
function pieces(errors) {
  const found = [[]];
  errors.forEach((error, step) => {
    if (error > 0) found.at(-1).push([step, error]);
    else if (found.at(-1).length) found.push([]);
  });
  return found.filter((piece) => piece.length);
}

/** Draw the error curves of all sounds that have errors, with the given width. */
function drawCurves(sounds, selected, width) {
  const curves = sounds.map(({ errors }, index) => ({ index, errors })).filter((c) => c.errors.length);
  const values = curves.flatMap(({ errors }) => errors.filter((error) => error > 0));
  const [least, most] = values.length
    ? [values, values].map((v, k) => v.reduce(k ? (a, b) => Math.max(a, b) : (a, b) => Math.min(a, b)))
    : [0.01, 1];
  const [low, high] = [least / 1.3, most * 1.3];
  const lastStep = Math.max(...curves.map(({ errors }) => errors.length - 1), 1);
  const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
  const x = (step) => MARGIN.left + (step / lastStep) * (right - MARGIN.left);
  const y = (error) => bottom - (Math.log(error / low) / Math.log(high / low)) * (bottom - MARGIN.top);
  const picture = svg("svg", { width, height: HEIGHT, role: "img" });
  const names = curves.map(({ index, errors }) => {
    return `${sounds[index].name}, from ${percent(errors[0])} to ${percent(errors.at(-1))}`;
  });
  picture.setAttribute("aria-label", `Relative error at each step. ${names.join("; ")}.`);
  for (const tick of logarithmicTicks(100 * low, 100 * high)) {
    const at = y(tick / 100);
    picture.append(
      svg("line", { class: "grid", x1: MARGIN.left, x2: right, y1: at, y2: at }),
      svg("text", { x: MARGIN.left - 6, y: at + 4, "text-anchor": "end" }, `${tick} %`),
    );
  }
  for (const step of roundTicks(lastStep, width < 500 ? 4 : 8).filter(Number.isInteger)) {
    picture.append(
      svg("line", { class: "grid", x1: x(step), x2: x(step), y1: MARGIN.top, y2: bottom }),
      svg("text", { x: x(step), y: bottom + 17, "text-anchor": "middle" }, String(step)),
    );
  }
  picture.append(
    svg("text", { x: (MARGIN.left + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "step"),
  );
  // Draw the selected curve last, above all others.
  curves.sort((a, b) => (a.index === selected) - (b.index === selected));
  for (const { index, errors } of curves) {
    const thick = { class: "curve", "stroke-width": index === selected ? 3.5 : 1.75 };
    for (const piece of pieces(errors)) {
      const points = piece.map(([step, error]) => `${x(step).toFixed(1)},${y(error).toFixed(1)}`);
      if (points.length === 1) {
        const [cx, cy] = points[0].split(",");
        picture.append(svg("circle", { cx, cy, r: 3.5, fill: lineStyle(index).stroke }));
      } else {
        picture.append(svg("polyline", { ...thick, ...lineStyle(index), points: points.join(" ") }));
      }
    }
  }
  return picture;
}
