"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const svg = document.getElementById("plot");
const LEFT = 64, RIGHT = 704, TOP = 16, BOTTOM = 336;

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  svg.appendChild(made);
  return made;
}

// From values to places; by ratio where they differ by more than that of 8.
function scale(values, from, to) {
  const low = Math.min(...values), high = Math.max(...values);
  const map = low > 0 && high / low > 8 ? Math.log : x => x;
  const span = map(high) - map(low) || 1;
  return { low, high, at: x => from + (to - from) * (0.04 + 0.92 * (map(x) - map(low)) / span) };
}

function say(point, what) {
  document.getElementById("what").textContent = what;
  document.getElementById("flags").textContent = point.flags || "(the default)";
  document.getElementById("cmake").textContent = point.cmake || "(the default)";
}

function mark(point, kind, what, x, y, axis) {
  const circle = element("circle", { class: kind, cx: x.at(point[axis]), cy: y.at(point.score), r: 6, tabindex: 0 });
  const words = `${what}: ${point.score.toPrecision(5)}, ${axis} ${point[axis].toLocaleString("en")}`;
  circle.setAttribute("aria-label", words);
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = words;
  circle.appendChild(title);
  const choose = () => {
    for (const other of svg.querySelectorAll(".at")) other.classList.remove("at");
    circle.classList.add("at");
    say(point, words);
  };
  for (const event of ["pointerenter", "focus", "click"]) circle.addEventListener(event, choose);
}

function draw(axis) {
  svg.replaceChildren();
  const known = data.points.filter(p => p[axis] !== null);
  const front = data.front.filter(p => p[axis] !== null);
  const x = scale([...known, data.default].map(p => p[axis]), LEFT, RIGHT);
  const y = scale([...known, data.default].map(p => p.score), BOTTOM, TOP);
  element("line", { x1: LEFT, y1: BOTTOM, x2: RIGHT, y2: BOTTOM });
  element("line", { x1: LEFT, y1: TOP, x2: LEFT, y2: BOTTOM });
  for (const value of x.low === x.high ? [x.low] : [x.low, x.high]) {
    element("text", { x: x.at(value), y: BOTTOM + 20, "text-anchor": "middle" }, value.toLocaleString("en"));
  }
  for (const value of y.low === y.high ? [y.low] : [y.low, y.high]) {
    element("text", { x: LEFT - 6, y: y.at(value) + 4, "text-anchor": "end" }, value.toPrecision(4));
  }
  element("text", { x: (LEFT + RIGHT) / 2, y: BOTTOM + 38, "text-anchor": "middle" }, axis);
  for (const p of known) element("circle", { cx: x.at(p[axis]), cy: y.at(p.score), r: 2.5 });
  let best = -Infinity, path = "";
  for (const p of [...front].sort((a, b) => a[axis] - b[axis] || b.score - a.score)) {
    if (p.score > best) {
      path += path ? `H${x.at(p[axis])}V${y.at(p.score)}` : `M${x.at(p[axis])} ${y.at(p.score)}`;
      best = p.score;
    }
  }
  if (path) element("path", { d: path });
  front.forEach(p => mark(p, "front", `point ${data.front.indexOf(p) + 1}`, x, y, axis));
  mark(data.default, "default", "default", x, y, axis);
}

for (const input of document.querySelectorAll("input[name=axis]")) {
  input.addEventListener("change", () => draw(input.value));
}
draw(document.querySelector("input[name=axis]:checked").value);
