// What came out: heat maps of grids, results against inputs, how results are distributed, and lists as curves.

/** All that a plot can show of tasks: key, name and cells. */
function tableOf(report) {
  const { tasks, parameters, columns } = report;
  return [
    { key: "task", name: "task", numeric: true, values: tasks.task },
    ...parameters.map((parameter, i) => ({
      ...parameter,
      key: `input ${i}`,
      input: true,
      values: tasks.inputs[i] ?? [],
    })),
    ...columns.map((column, i) => ({ ...column, key: `result ${i}`, result: true, values: tasks.results[i] ?? [] })),
    { key: "seconds", name: "seconds", numeric: true, result: true, values: tasks.seconds },
  ];
}

function numbersOf(column) {
  return column.values.map((value) => (value === null ? NaN : Number(value)));
}

/** What to divide numbers by before they are plotted: plots have no ticks for what is huge or tiny. */
function unitFor(numbers) {
  const largest = numbers.reduce((most, number) => (Number.isFinite(number) ? Math.max(most, Math.abs(number)) : most), 0);
  const power = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  return Math.abs(power) < 30 ? 1 : 10 ** Math.max(power, -300);
}

/** The same for a logarithmic axis, whose ticks are not found below about 1e-22. */
function unitForLogarithms(numbers) {
  const least = numbers.reduce((least, number) => (number > 0 ? Math.min(least, number) : least), Infinity);
  const power = Math.floor(Math.log10(least));
  return power < -20 ? 10 ** Math.max(power, -300) : 1;
}

/** "" when all are finite. Results of failed tasks are null, and told elsewhere. */
function notFiniteNote(...columns) {
  const tasks = columns[0].values.map((_, i) => i);
  const isOdd = ({ values }, i) => values[i] !== null && !Number.isFinite(Number(values[i]));
  const odd = tasks.filter((i) => columns.some((column) => isOdd(column, i))).length;
  return odd > 0 ? ` ${count(odd)} ${odd === 1 ? "is" : "are"} not finite and not drawn.` : "";
}

class Results {
  constructor() {
    this.chosen = {};
    const choose = (what) => (value) => {
      this.chosen[what] = value;
      this.draw();
    };
    this.tabs = new Tabs(choose("view"));
    this.map = new Choice("axes", choose("map"));
    this.column = new Choice("result", choose("column"));
    this.x = new Choice("across", choose("x"));
    this.along = new Choice("along", choose("along"));
    this.group = new Choice("colours", choose("group"));
    this.log = el("input", {
      type: "checkbox",
      onchange: () => {
        this.chosen.log = this.log.checked;
        this.draw();
      },
    });
    this.logLabel = el("label", {}, this.log, "logarithmic");
    this.heat = new Drawing("Heat map of results over two parameters");
    this.chart = new Chart("Results against inputs");
    this.curves = new Curves();
    this.spread = new Drawing("How results are distributed");
    this.key = el("ul", { class: "key" });
    this.figures = el("p", { class: "figures" });
    this.note = el("p", { class: "note" });
    this.element = el(
      "section",
      { class: "results" },
      el("header", {}, el("h2", {}, "Results"), el("span", { class: "space" }), this.tabs.element),
      el(
        "div",
        { class: "controls" },
        this.column.element,
        this.map.element,
        this.x.element,
        this.along.element,
        this.group.element,
        this.logLabel,
      ),
      this.heat.element,
      this.chart.element,
      this.curves.element,
      this.spread.element,
      this.key,
      this.figures,
      this.note,
    );
  }

  update(report) {
    this.report = report;
    this.table = tableOf(report);
    this.draw();
  }

  draw() {
    const { report, table, chosen } = this;
    const results = table.filter((column) => column.result && column.numeric);
    const varying = table.filter((column) => column.input && column.numeric && column.varies && !column.seed);
    this.element.hidden = report.verdict.succeeded === 0 && report.maps.length === 0;
    if (this.element.hidden) return;
    const views = [];
    if (report.maps.length > 0) views.push(["map", "Heat map"]);
    views.push(["points", varying.length > 0 ? "Against inputs" : "By task"], ["spread", "Distribution"]);
    const lists = report.lists.filter(({ tasks }) => tasks.some(({ length }) => length > 0));
    if (lists.length > 0) views.push(["curves", "Lists"]);
    const own = results.length > 1;
    const numbers = report.maps.length > 0 ? "map" : varying.length > 0 || !own ? "points" : "spread";
    const preferred = !own && lists.length > 0 ? "curves" : numbers;
    const view = views.some(([name]) => name === chosen.view) ? chosen.view : preferred;
    const isList = ({ key }) => lists.some((list) => key === `result ${list.column}`);
    const columns = view === "curves" ? table.filter(isList) : results;
    const along = ({ key }) => key === `result ${lists.find((list) => usualAxis(report, lists, list))?.column}`;
    const column = columns.find(({ key }) => key === chosen.column) ?? columns.find(along) ?? columns[0];
    this.tabs.update(views, view);
    this.column.update(
      columns.map(({ key, name }) => [key, name]),
      column.key,
    );
    this.heat.element.hidden = view !== "map";
    this.chart.element.hidden = view !== "points";
    this.curves.element.hidden = view !== "curves";
    this.spread.element.hidden = view !== "spread";
    this.map.element.hidden = this.x.element.hidden = true;
    this.along.element.hidden = this.group.element.hidden = true;
    this.key.replaceChildren();
    this.log.checked = Boolean(chosen.log);
    if (view === "map") this.drawMap(column);
    if (view === "points") this.drawPoints(column, varying);
    if (view === "spread") this.drawSpread(column);
    if (view === "curves") this.drawCurves(column, lists);
    this.note.textContent = this.whyNoResults() + this.note.textContent;
    this.tellFigures(column);
  }

  /** Why only durations are plotted, where that is so. */
  whyNoResults() {
    const { columns } = this.report;
    if (columns.length === 0 || columns.some(({ numeric }) => numeric) || this.report.lists.length > 0) return "";
    return "Results are not numbers: not plotted. ";
  }

  drawMap(column) {
    const { report, chosen } = this;
    const names = report.maps.map((map, i) => [String(i), `${map.x.name} × ${map.y.name}`]);
    const number = names.some(([i]) => i === chosen.map) ? chosen.map : "0";
    this.map.update(names, number);
    const map = report.maps[Number(number)];
    const cells = map.columns[column.key === "seconds" ? map.columns.length - 1 : this.rankOf(column)];
    const positive = cells.values.every((value) => value === null || value > 0);
    this.logLabel.hidden = !positive;
    drawHeatMap(this.heat, map, cells, chosen.log && positive);
    const drawn = map.x.values.length * map.y.values.length,
      { tasks: all, done } = report.job;
    const positions = `${count(map.x.positions)} × ${count(map.y.positions)} points`;
    const failed =
      map.failed.length > 0 ? ` In ${plural(map.failed.length, "crossed-out cell")} all tasks failed.` : "";
    const those = done < all ? `${count(done)} of ${count(all)}` : `all ${count(all)}`;
    const { tasks: odd, cells: grey } = cells.not_finite;
    const notFinite =
      odd === 0
        ? ""
        : ` ${plural(odd, "result")} ${odd === 1 ? "is" : "are"} not finite and not drawn` +
          (grey.length > 0 ? `: ${plural(grey.length, "cell")} in grey.` : ".");
    this.note.textContent =
      (all > drawn
        ? `Each of ${count(drawn)} cells is the mean of about ${plural(Math.round(all / drawn), "task")}; ` +
          `${those} of the grid (${positions}) count.`
        : `${those.replace("all", "All")} tasks of the grid (${positions}).`) +
      failed +
      notFinite;
  }

  /** The input whose values have colours: the chosen one, else `usual`. */
  groupOf(groups, usual) {
    const { chosen } = this;
    const group = chosen.group === "none" ? null : (groups.find(({ key }) => key === chosen.group) ?? usual ?? null);
    this.group.update(
      [["none", "one"], ...groups.map(({ key, name }) => [key, `by ${name}`])],
      group ? group.key : "none",
    );
    return group;
  }

  tellColours(parts) {
    this.key.replaceChildren(
      ...parts.map((part) => {
        const mark = el("i");
        mark.style.background = part.colour;
        return el("li", {}, mark, part.name);
      }),
    );
  }

  drawCurves(column, lists) {
    const { report, table, chosen } = this;
    const list = lists.find((one) => column.key === `result ${one.column}`);
    const place = new Map(report.tasks.task.map((task, i) => [task, i]));
    const groups = table.filter((c) => c.input && c.varies && !c.seed);
    const group = this.groupOf(groups, groups[0]);
    const rows = list.tasks.map(({ task }) => place.get(task));
    const parts = group ? grouping(group, rows) : [{ tasks: new Set(rows), colour: null }];
    if (group) this.tellColours(parts);
    const name = (one) => report.columns[one.column].name;
    const axes = axesFor(lists, list);
    const usual = usualAxis(report, lists, list);
    const x = chosen.along === "place" ? null : (axes.find((one) => `${one.column}` === chosen.along) ?? usual ?? null);
    this.along.update(
      [["place", "place in the list"], ...axes.map((one) => [`${one.column}`, name(one)])],
      x ? `${x.column}` : "place",
    );
    const curves = list.tasks.map(({ task, at, values }, k) => ({
      name: [`task #${task}`, ...groups.map((c) => `${c.name} ${c.values[rows[k]]}`)].join("\n"),
      colour: parts.find(({ tasks }) => tasks.has(rows[k])).colour,
      points: values.map((value, i) => [x ? numberAt(x.tasks[k], at ? at[i] : i) : at ? at[i] : i, Number(value)]),
    }));
    const all = curves.flatMap(({ points }) => points.map(([, y]) => y));
    const positive = all.some((y) => y > 0) && !all.some((y) => y <= 0);
    this.logLabel.hidden = !positive;
    this.curves.show({ x: x ? name(x) : null, y: column.name, curves, logarithmic: chosen.log && positive });
    const { succeeded } = report.verdict;
    const shown = list.tasks.length;
    const which = shown < succeeded ? `Shows ${count(shown)} of ${count(succeeded)}` : `All ${count(succeeded)}`;
    const thinned = list.tasks.some(({ at }) => at);
    const odd = all.filter((y) => !Number.isFinite(y)).length;
    this.note.textContent =
      (succeeded === 1 ? "The one task that succeeded" : `${which} tasks that succeeded`) +
      (thinned ? ", and of long lists the least and the greatest number of equal parts." : ".") +
      (odd > 0 ? ` ${plural(odd, "number")} ${odd === 1 ? "is" : "are"} not finite and not drawn.` : "");
  }

  /** Where a result is among those that are numbers. */
  rankOf(column) {
    return this.table.filter(({ result, numeric }) => result && numeric).findIndex(({ key }) => key === column.key);
  }

  drawPoints(y, varying) {
    const { table, chosen } = this;
    const task = table[0];
    const axes = [...varying, ...table.filter((c) => c.input && c.numeric && c.seed), task];
    const x = axes.find(({ key }) => key === chosen.x) ?? axes[0];
    this.x.update(
      axes.map(({ key, name }) => [key, name]),
      x.key,
    );
    const groups = table.filter((c) => c.input && c.varies && !c.seed && c.key !== x.key);
    const group = this.groupOf(
      groups,
      groups.find((c) => new Set(c.values).size <= 8),
    );

    let xs = numbersOf(x),
      ys = numbersOf(y);
    const order = xs
      .map((_, i) => i)
      .filter((i) => Number.isFinite(xs[i]) && Number.isFinite(ys[i]))
      .sort((a, b) => xs[a] - xs[b]);
    const positive = order.length > 0 && order.every((i) => ys[i] > 0);
    this.logLabel.hidden = !positive;
    const logarithmic = chosen.log && positive;
    const units = [unitFor(xs), logarithmic ? unitForLogarithms(ys) : unitFor(ys)];
    xs = xs.map((value) => value / units[0]);
    ys = ys.map((value) => value / units[1]);
    const parts = group ? grouping(group, order) : [{ name: y.name, tasks: new Set(order), colour: null }];
    const connected =
      x !== task &&
      parts.every(({ tasks }) => {
        const seen = new Set([...tasks].map((i) => xs[i]));
        return seen.size === tasks.size;
      }) &&
      order.length <= 5000 &&
      !(group && varying.length > 2) &&
      parts.every(({ tasks }) => isSmooth(order.filter((i) => tasks.has(i)).map((i) => ys[i])));
    const failed = Object.keys(this.report.tasks.failures).map((number) =>
      this.report.tasks.task.indexOf(Number(number)),
    );
    this.failed = failed.map((i) => [i, xs[i]]).filter(([, at]) => Number.isFinite(at));
    if (group) this.tellColours(parts);
    this.chart.show(360, () => this.chartOf({ x, y, xs, ys, units, order, parts, connected, logarithmic }));
    this.note.textContent =
      sampleNote(this.report) +
      notFiniteNote(y, x) +
      (this.failed.length > 0 ? " Marks at the foot are tasks that failed." : "");
  }

  chartOf({ x, y, xs, ys, units, order, parts, connected, logarithmic }) {
    const size = order.length > 4000 ? 3 : order.length > 800 ? 4 : 6;
    const wide = [...order, ...this.failed.map(([i]) => i)].sort((a, b) => xs[a] - xs[b]); // marks need room, too
    const data = [
      wide.map((i) => xs[i]),
      ...parts.map(({ tasks }) => wide.map((i) => (tasks.has(i) ? ys[i] : null))),
    ];
    const tell = (plot) => {
      const { left, top } = plot.cursor;
      if (left < 0) return this.chart.tell(null);
      const failed =
        top > plot.over.clientHeight - 10
          ? this.failed.find(([, at]) => Math.abs(plot.valToPos(at, "x") - left) < 4)
          : null;
      if (failed) return this.chart.tell(`task #${this.report.tasks.task[failed[0]]} failed`, left + 72, top);
      let best = null,
        least = 12 * 12;
      for (const i of order) {
        const dx = plot.valToPos(xs[i], "x") - left,
          dy = plot.valToPos(ys[i], "y") - top,
          square = dx * dx + dy * dy;
        if (square < least) [best, least] = [i, square];
      }
      if (best === null) return this.chart.tell(null);
      const lines = this.table
        .filter((c) => c === x || c === y || (c.input && c.varies))
        .map((c) => `${c.name} ${c.values[best]}`);
      this.chart.tell([`task #${this.report.tasks.task[best]}`, ...new Set(lines)].join("\n"), left + 72, top);
    };
    return {
      data,
      options: {
        legend: { show: false },
        cursor: { points: { show: false }, y: true, drag: { x: true, y: true, uni: 20 } },
        scales: {
          x: { time: false, range: withRoom(0.015) },
          y: logarithmic ? { distr: 3 } : { range: withRoom(0.06) },
        },
        axes: [
          axis(x.name, { size: 34, values: inUnit(units[0]) }),
          numberAxis(y.name, units[1], logarithmic),
        ],
        series: [
          {},
          ...parts.map((part) => ({
            stroke: part.colour ?? colour("good"),
            width: 1.5,
            spanGaps: true,
            paths: connected ? undefined : () => null,
            points: { show: !connected || order.length <= 120, size, width: 0, fill: part.colour ?? colour("good") },
          })),
        ],
        hooks: { setCursor: [tell], draw: [(plot) => drawFailed(plot, this.failed)] },
      },
    };
  }

  drawSpread(column) {
    const finite = numbersOf(column).filter(Number.isFinite),
      unit = unitFor(finite),
      numbers = finite.map((value) => value / unit);
    this.spread.element.hidden = numbers.length === 0;
    if (numbers.length === 0) {
      this.logLabel.hidden = true;
      this.note.textContent = "There are no finite numbers.";
      return;
    }
    const low = numbers.reduce((a, b) => Math.min(a, b), Infinity),
      high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
    const logarithmic = Boolean(this.chosen.log) && low > 0 && high > low;
    this.logLabel.hidden = !(low > 0 && high > low);
    const whole = numbers.every(Number.isInteger) && high - low < 60;
    const bins =
      high === low ? 1 : whole ? high - low + 1 : Math.min(Math.max(Math.round(2 * Math.cbrt(numbers.length)), 8), 60);
    const half = whole || high === low ? Math.max(0.5, Math.abs(low) * 1e-9) : 0;
    const begin = low - half,
      end = high + half;
    const edge = (i) => (logarithmic ? low * (high / low) ** (i / bins) : begin + ((end - begin) * i) / bins);
    const edges = Array.from({ length: bins + 1 }, (_, i) => edge(i)),
      counts = Array(bins).fill(0);
    const inverse = logarithmic ? (v) => Math.log(v / low) / Math.log(high / low) : (v) => (v - begin) / (end - begin);
    for (const value of numbers) ++counts[Math.min(Math.floor(inverse(value) * bins), bins - 1)];
    const ticks = logarithmic ? powersBetween(low, high) : niceTicks(begin, end, 8);
    const mean = column.mean ?? null;
    drawHistogram(this.spread, {
      edges,
      counts,
      logarithmic,
      label: column.name,
      ticks,
      tick: (value) => brief(value * unit, 4),
      marks: mean === null ? [] : [[Number(mean) / unit, "mean"]],
    });
    this.note.textContent = sampleNote(this.report) + notFiniteNote(column);
  }

  tellFigures(column) {
    this.figures.replaceChildren();
    if (column.mean === undefined) return;
    const parts = [
      ["mean", column.mean],
      ["standard deviation", column.variance === null ? null : Math.sqrt(Number(column.variance))],
      ["minimum", column.minimum],
      ["maximum", column.maximum],
    ];
    const words = parts
      .filter(([, value]) => value !== null)
      .flatMap(([name, value], i) => [i > 0 ? " · " : "", `${name} `, el("b", {}, brief(value, 6))]);
    const all = this.report.verdict.succeeded;
    this.figures.append(...words, ` over all ${count(all)} tasks that succeeded`);
  }
}

/** Whether neighbours are so much alike that a line between them says something. */
function isSmooth(values) {
  if (values.length < 3) return true;
  let low = values[0],
    high = values[0],
    path = 0;
  for (let i = 1; i < values.length; ++i) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
    path += Math.abs(values[i] - values[i - 1]);
  }
  return values.length < 12 || path <= 0.12 * (values.length - 1) * (high - low);
}

/** Marks on the lower edge of a plot, where tasks failed. */
function drawFailed(plot, failed) {
  const { ctx, bbox } = plot,
    size = 5 * devicePixelRatio,
    foot = bbox.top + bbox.height;
  ctx.save();
  ctx.fillStyle = colour("bad");
  for (const [, at] of failed) {
    const x = plot.valToPos(at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, foot - 1.6 * size);
    ctx.lineTo(x + size * 0.7, foot);
    ctx.lineTo(x - size * 0.7, foot);
    ctx.fill();
  }
  ctx.restore();
}

/** 1, 10, 100 between two ends; with 2 and 5 where there are few. */
function powersBetween(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const factor of high / low < 1000 ? [1, 2, 5] : [1]) ticks.push(factor * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** Tasks by the value of a column: each alone where there are few, else ranges. */
function grouping(column, order) {
  const distinct = [...new Set(order.map((i) => column.values[i]))];
  const colours = (n) =>
    Array.from({ length: n }, (_, i) => blend(viridis, n === 1 ? 0.4 : 0.05 + 0.8 * (i / (n - 1))));
  if (distinct.length <= 8 || !column.numeric) {
    if (column.numeric) distinct.sort((a, b) => Number(a) - Number(b));
    const shown = distinct.slice(0, 8),
      paint = colours(Math.max(shown.length, 1));
    const parts = shown.map((value, k) => ({
      name: `${column.name} ${column.numeric ? brief(value) : value}`,
      colour: paint[k],
      tasks: new Set(order.filter((i) => column.values[i] === value)),
    }));
    const rest = new Set(order.filter((i) => !shown.includes(column.values[i])));
    return rest.size > 0 ? [...parts, { name: "others", colour: colour("rest"), tasks: rest }] : parts;
  }
  const numbers = numbersOf(column),
    values = order.map((i) => numbers[i]).filter(Number.isFinite);
  const low = values.reduce((a, b) => Math.min(a, b)),
    high = values.reduce((a, b) => Math.max(a, b)),
    n = 6,
    paint = colours(n);
  const edge = (k) => low * (1 - k / n) + high * (k / n);
  const bin = (value) => Math.min(Math.floor(shareBetween(low, high, value) * n), n - 1);
  const others = { name: "others", colour: colour("rest"), tasks: new Set(order.filter((i) => !Number.isFinite(numbers[i]))) };
  return paint
    .map((one, k) => ({
      name: `${column.name} ${brief(edge(k), 3)} to ${brief(edge(k + 1), 3)}`,
      colour: one,
      tasks: new Set(order.filter((i) => bin(numbers[i]) === k)),
    }))
    .concat(others)
    .filter(({ tasks }) => tasks.size > 0);
}

/** What part of the tasks a plot or table shows. */
function sampleNote(report) {
  const { shown, of, all } = report.tasks;
  if (all) return `All ${plural(of, "task")} that ${of === 1 ? "is" : "are"} done.`;
  const which = "some drawn evenly at random, the slowest, and those that failed (up to 1,000)";
  return `Shows ${count(shown)} of ${count(of)} tasks: ${which}.`;
}
