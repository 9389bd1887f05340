// Two models item by item: the margin of one across, of the other up.
const duelData = document.getElementById("duel-data");
if (duelData) startDuel(JSON.parse(duelData.textContent));

function startDuel(tasks) {
  const form = document.querySelector("#duel form");
  const figure = document.querySelector("#duel figure");
  const { task: taskBox, across: acrossBox, up: upBox } = form.elements;
  const chosen = () => tasks[taskBox.value];
  const fill = (box, names, number) => {
    box.replaceChildren(...names.map((name, i) => new Option(name, i)));
    box.selectedIndex = number;
  };
  const models = () => {
    fill(acrossBox, chosen().models, 1);
    fill(upBox, chosen().models, 0);
    draw();
  };
  const model = (box) => ({ name: chosen().models[box.value], margins: chosen().margins[box.value] });
  const draw = () => drawDuel(figure, chosen(), model(acrossBox), model(upBox));
  fill(taskBox, tasks.map((task) => task.title), 0);
  taskBox.addEventListener("change", models);
  acrossBox.addEventListener("change", draw);
  upBox.addEventListener("change", draw);
  form.hidden = figure.hidden = false;
  models();
}

function drawDuel(figure, task, across, up) {
  const svg = figure.querySelector("svg");
  const [left, right, top, bottom] = [48, 588, 12, 396];
  const [x, y] = [axis(across.margins, left, right), axis(up.margins, bottom, top)];
  const parts = [
    mark("line", { class: "zero", x1: x(0), x2: x(0), y1: top, y2: bottom }),
    mark("line", { class: "zero", x1: left, x2: right, y1: y(0), y2: y(0) }),
    mark("text", { x: (left + right) / 2, y: 432, "text-anchor": "middle" }, `margin of ${across.name}`),
    mark("text", { x: 14, y: 204, "text-anchor": "middle", transform: "rotate(-90 14 204)" }, `margin of ${up.name}`),
    mark("text", { x: x(0), y: bottom + 16, "text-anchor": "middle" }, "0"),
    mark("text", { x: left - 8, y: y(0) + 4, "text-anchor": "end" }, "0"),
  ];
  const counts = { both: 0, "only-up": 0, "only-across": 0, neither: 0 };
  task.items.forEach((item, i) => {
    const [a, b] = [across.margins[i], up.margins[i]];
    const outcome = b > 0 ? (a > 0 ? "both" : "only-up") : a > 0 ? "only-across" : "neither";
    counts[outcome] += 1;
    const point = mark("circle", { class: outcome, cx: x(a), cy: y(b), r: 3.5 });
    point.addEventListener("pointerenter", () => describe(figure, task, i, across, up));
    parts.push(point);
  });
  svg.replaceChildren(...parts);
  const titles = {
    both: "by both",
    "only-up": `by ${up.name} only`,
    "only-across": `by ${across.name} only`,
    neither: "by neither",
  };
  svg.setAttribute("aria-label", Object.entries(titles).map(([key, title]) => `won ${title}: ${counts[key]}`).join("; "));
  figure.querySelector("tbody").replaceChildren(
    ...Object.entries(titles).map(([key, title]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.className = key;
      head.textContent = title;
      row.append(head);
      row.insertCell().textContent = counts[key];
      return row;
    }),
  );
}

function describe(figure, task, i, across, up) {
  const captions = task.captions[i].map((caption) => `“${caption}”`).join(", ");
  const said = [up, across].map((model) => `${model.name} ${String(model.margins[i]).replace("-", "−")}`).join(", ");
  figure.querySelector(".said-of").textContent = `${task.items[i]}: ${captions}. ${said}`;
}

function axis(values, start, end) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const room = (high - low || 1) * 0.04;
  return (value) => start + ((value - low + room) / (high - low + 2 * room)) * (end - start);
}

function mark(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
