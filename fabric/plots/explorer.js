// Draws a topology that `explorer.describe` told, and lights the paths between the neurons that the pointer visits.
function drawTopology(svg, told, colors) {
  const W = 960, H = 420, M = 44;
  const make = (tag, attributes, parent) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return parent.appendChild(made);
  };
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  const depth = told.stages.length;
  const x = (level) => M + (level * (W - 2 * M)) / depth;
  const y = (level, neuron) => 14 + ((neuron + 0.5) * (H - 44)) / told.widths[level];
  const boxes = make("g", {}, svg), lines = make("g", {}, svg), lit = make("g", {}, svg), dots = make("g", {}, svg);

  for (const { stage, inputs, outputs } of told.routers ?? []) {
    const top = Math.min(y(stage, inputs[0]), y(stage + 1, outputs[0])) - 5;
    const bottom = Math.max(y(stage, inputs[1] - 1), y(stage + 1, outputs[1] - 1)) + 5;
    const middle = (x(stage) + x(stage + 1)) / 2;
    make("rect", { x: middle - 13, y: top, width: 26, height: bottom - top, rx: 4, fill: colors.router, opacity: 0.14 }, boxes);
  }
  const path = (stage, from, to) => `M${x(stage)} ${y(stage, from)}L${x(stage + 1)} ${y(stage + 1, to)}`;
  told.stages.forEach((edges, stage) => {
    const d = edges.map(([from, to]) => path(stage, from, to)).join("");
    make("path", { d, stroke: colors.edge, "stroke-width": 0.7, fill: "none" }, lines);
  });
  const names = ["inputs", ...Array.from({ length: depth - 1 }, (_, i) => `hidden ${i + 1}`), "outputs"];
  names.forEach((name, level) => {
    const label = make("text", { x: x(level), y: H - 8, "text-anchor": "middle", "font-size": 14, fill: colors.ink }, svg);
    label.textContent = `${name}: ${told.widths[level]}`;
  });

  // Neurons that a wave from one end reaches: sets, level by level.
  const reached = (level, neuron, step) => {
    const found = told.widths.map(() => new Set());
    found[level].add(neuron);
    const levels = step > 0 ? [...told.stages.keys()] : [...told.stages.keys()].reverse();
    for (const stage of levels)
      for (const [from, to] of told.stages[stage])
        if (step > 0 && found[stage].has(from)) found[stage + 1].add(to);
        else if (step < 0 && found[stage + 1].has(to)) found[stage].add(from);
    return found;
  };
  let source = 0, target = told.widths[depth] - 1;
  const light = () => {
    lit.replaceChildren();
    const after = reached(0, source, 1), before = reached(depth, target, -1);
    const on = (level, neuron) => after[level].has(neuron) && before[level].has(neuron);
    told.stages.forEach((edges, stage) => {
      const d = edges.filter(([from, to]) => on(stage, from) && on(stage + 1, to)).map(([from, to]) => path(stage, from, to)).join("");
      if (d) make("path", { d, stroke: colors.marked, "stroke-width": 2, fill: "none" }, lit);
    });
    for (const dot of dots.children) {
      const [level, neuron] = dot.dataset.at.split(",").map(Number);
      dot.setAttribute("fill", on(level, neuron) ? colors.marked : colors.ink);
    }
  };
  told.widths.forEach((width, level) => {
    for (let neuron = 0; neuron < width; neuron++) {
      const dot = make("circle", { cx: x(level), cy: y(level, neuron), r: Math.min(5, 150 / width) }, dots);
      dot.dataset.at = `${level},${neuron}`;
      if (level === 0 || level === depth) {
        dot.style.cursor = "pointer";
        dot.addEventListener("pointerenter", () => { level === 0 ? (source = neuron) : (target = neuron); light(); });
      }
    }
  });
  light();
}

function tellCounts(list, told) {
  list.innerHTML = Object.entries(told.counts).map(([name, value]) => `<span><b>${value}</b> ${name}</span>`).join("");
}

// Without a kernel: sliders over a bank of topologies that were described beforehand.
function exploreBank(bank) {
  const family = document.querySelector("select"), knobs = document.querySelector("#knobs");
  const svg = document.querySelector("svg"), counts = document.querySelector(".counts");
  for (const [name, { label }] of Object.entries(bank)) family.add(new Option(label, name));
  function redraw() {
    const { members, colors } = bank[family.value];
    const told = members[[...knobs.querySelectorAll("input")].map((knob) => knob.dataset.chosen).join(",")];
    if (told) { drawTopology(svg, told, colors); tellCounts(counts, told); }
    else { svg.replaceChildren(); counts.textContent = "This family has no member with these numbers."; }
  }
  function choose() {
    const { knobs: values, start } = bank[family.value];
    knobs.replaceChildren();
    Object.entries(values).forEach(([name, allowed], number) => {
      const label = document.createElement("label"), told = document.createElement("output");
      const knob = document.createElement("input");
      Object.assign(knob, { type: "range", min: 0, max: allowed.length - 1, value: allowed.indexOf(start[number]) });
      const turn = () => { knob.dataset.chosen = told.textContent = allowed[knob.value]; };
      knob.addEventListener("input", () => { turn(); redraw(); });
      turn();
      label.append(`${name} `, knob, " ", told);
      knobs.append(label);
    });
    redraw();
  }
  family.addEventListener("change", choose);
  choose();
}
