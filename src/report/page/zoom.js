"use strict";
// What a pointer is at is told in words; a chart over time that is zoomable shows a part of itself. The file has
// all of it without this script.
const SIZE = 1000;
const STEPS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800,
  21600, 43200, 86400, 172800, 604800, 1209600, 2592000];

const clock = (s, step) => {
  const text = new Date(Math.round(s * 1000)).toISOString();
  if (step >= 86400) return text.slice(5, 10);
  return text.slice(11, step >= 60 ? 16 : step >= 1 ? 19 : 23);
};
const rounded = (wanted) => {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * [1, 2, 5, 10].find((n) => n * power >= wanted * 0.999999);
};
const number = (v, digits) => v.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const multiples = (low, high, step) => {
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high && found.length < 100; n++) found.push(n * step);
  return found;
};

// The points of a drawn line, in its own units; what a step draws is what is read.
const pointsOf = (path) => {
  const points = [];
  let x = 0;
  for (const [, letter, a, b] of path.getAttribute("d").matchAll(/([MLHV])(-?[\d.]+)(?: (-?[\d.]+))?/g)) {
    if (letter === "H") { x = Number(a); continue; }
    if (letter === "V") { points.push([x, Number(a)]); continue; }
    x = Number(a);
    points.push([x, Number(b)]);
  }
  return points;
};

for (const plot of document.querySelectorAll(".plot.time")) {
  const svg = plot.querySelector("svg"), box = plot.querySelector(".box");
  const [x0, x1] = plot.dataset.x.split(" ").map(Number), [y0, y1] = plot.dataset.y.split(" ").map(Number);
  const digits = Number(plot.dataset.digits);
  const names = [...plot.nextElementSibling.querySelectorAll("span")];
  const lines = names.map((name) => {
    const tone = name.firstElementChild.className;
    const paths = [...svg.querySelectorAll("path")].filter((p) => p.classList.contains(tone) && !p.matches(".area, .whisker, .level"));
    return { name: name.textContent, isDots: paths.every((p) => p.matches(".dot")), points: paths.flatMap(pointsOf) };
  }).filter((line) => line.points.length > 0);
  const timeOf = (x) => x0 + (x1 - x0) * x / SIZE, valueOf = (y) => y1 - (y1 - y0) * y / SIZE;
  let from = 0, to = SIZE;

  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
  cursor.setAttribute("class", "cursor");
  svg.append(cursor);
  const said = document.createElement("div");
  said.className = "said";
  plot.after(said);
  const xOf = (event) => {
    const place = svg.getBoundingClientRect();
    return from + (to - from) * Math.min(1, Math.max(0, (event.clientX - place.left) / place.width));
  };
  const tell = (x) => {
    cursor.setAttribute("d", `M${x} -9999V9999`);
    const parts = lines.filter((line) => !line.isDots).map((line) => {
      let best = null;
      for (const point of line.points) if (point[0] <= x + 0.005 && (!best || point[0] >= best[0])) best = point;
      return best ? `${line.name} ${number(valueOf(best[1]), digits)}` : null;
    });
    said.textContent = [clock(timeOf(x), 1), ...parts.filter(Boolean)].join("  ·  ");
  };
  svg.addEventListener("pointermove", (event) => tell(xOf(event)));
  svg.addEventListener("pointerleave", () => { cursor.setAttribute("d", ""); said.textContent = ""; });

  if (!plot.classList.contains("zoomable")) continue;
  const show = (a, b) => {
    const wide = Math.min(SIZE, Math.max(SIZE / 2000, b - a));
    from = Math.min(SIZE - wide, Math.max(0, a));
    to = from + wide;
    let low = 0, high = SIZE;
    if (wide < SIZE) {
      const seen = lines.flatMap((line) => line.points.filter(([x]) => x >= from && x <= to).map(([, y]) => y));
      if (seen.length > 0) {
        low = Math.min(...seen);
        high = Math.max(...seen);
        const room = Math.max(0.05 * (high - low), 0.5);
        [low, high] = [low - room, high + room];
      }
    }
    svg.setAttribute("viewBox", `${from} ${low} ${wide} ${high - low}`);
    label(low, high);
  };
  const label = (low, high) => {
    const [ta, tb] = [timeOf(from), timeOf(to)], [va, vb] = [valueOf(high), valueOf(low)];
    const step = STEPS.find((s) => s >= (tb - ta) / 6) || 2592000, rise = rounded((vb - va) / 5);
    const spans = (values, side, a, b, text) => values.map((v) => {
      const span = document.createElement("span");
      span.style[side] = `${100 * (v - a) / (b - a)}%`;
      span.textContent = text(v);
      return span;
    });
    const times = multiples(ta, tb, step), values = multiples(va, vb, rise);
    const places = Math.max(0, -Math.floor(Math.log10(rise)));
    plot.querySelector(".xs").replaceChildren(...spans(times, "left", ta, tb, (v) => clock(v, step)));
    const unit = plot.querySelector(".ys i");
    plot.querySelector(".ys").replaceChildren(unit, ...spans(values, "bottom", va, vb, (v) => number(v, places)));
    const across = times.map((v) => `M${SIZE * (v - x0) / (x1 - x0)} ${low}V${high}`);
    const along = values.map((v) => { const y = SIZE * (y1 - v) / (y1 - y0); return `M${from} ${y}H${to}`; });
    svg.querySelector(".grid").setAttribute("d", across.join("") + along.join(""));
  };
  const tools = document.createElement("div");
  tools.className = "tools";
  const button = (text, name, act) => {
    const made = document.createElement("button");
    made.textContent = text;
    made.title = name;
    made.setAttribute("aria-label", name);
    made.onclick = act;
    tools.append(made);
  };
  const by = (times, shift) => () => {
    const middle = (from + to) / 2 + shift * (to - from), half = (to - from) * times / 2;
    show(middle - half, middle + half);
  };
  button("+", "closer", by(0.5, 0));
  button("−", "farther", by(2, 0));
  button("◀", "earlier", by(1, -0.5));
  button("▶", "later", by(1, 0.5));
  button("all", "all of it", () => show(0, SIZE));
  tools.append("or draw across the chart");
  said.after(tools);

  let begun = null;
  svg.addEventListener("pointerdown", (event) => { begun = xOf(event); });
  svg.addEventListener("pointerup", (event) => {
    const end = xOf(event);
    if (begun !== null && Math.abs(end - begun) > (to - from) / 50) show(Math.min(begun, end), Math.max(begun, end));
    begun = null;
  });
  svg.addEventListener("dblclick", () => show(0, SIZE));
  box.dataset.zoom = "ready";
}
