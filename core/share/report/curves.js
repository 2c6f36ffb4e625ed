// Lists of numbers as curves, one for each of some tasks.

/** The number at a place of a list; between kept ones it is taken to lie on a line. */
function numberAt({ at, values }, place) {
  if (!at) return Number(values[place]);
  let low = 0,
    high = at.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at[middle] <= place) low = middle;
    else high = middle;
  }
  const [a, b] = [Number(values[low]), Number(values[high])];
  return low === high ? a : a + ((b - a) * (place - at[low])) / (at[high] - at[low]);
}

/** Lists along which the numbers of another one can be drawn: as many in each task, and they only grow. */
function axesFor(lists, list) {
  const grows = (values) =>
    values.every((value, i) => Number.isFinite(Number(value)) && (i === 0 || Number(value) > Number(values[i - 1])));
  return lists.filter(
    (other) =>
      other !== list && other.tasks.every(({ length, values }, k) => length === list.tasks[k].length && grows(values)),
  );
}

/** The one whose name says that it is meant for that. */
function usualAxis(report, lists, list) {
  return axesFor(lists, list).find(({ column }) => /(^|\.)(t|times?|x)$/.test(report.columns[column].name));
}

class Curves {
  constructor() {
    this.chart = new Chart("Numbers of lists, as curves");
    this.element = this.chart.element;
  }

  /** `x`, `y`: what is drawn along what; null is the place in the list. `curves`: each has a name, a colour (null: the
   * usual one) and points, pairs of x, which grow, and y. */
  show({ x, y, curves, logarithmic }) {
    const drawn = curves.map(({ points }) => points.filter((point) => Number.isFinite(point[1])));
    const all = (i) => drawn.flat().map((point) => point[i]);
    const units = [unitFor(all(0)), logarithmic ? unitForLogarithms(all(1)) : unitFor(all(1))];
    this.chart.show(360, () => ({
      data: this.dataOf(curves, units),
      options: this.optionsOf({ x, y, curves, drawn, units, logarithmic }),
    }));
  }

  /** Columns over all x at which any of the curves has a number; null is a gap, undefined a place between its numbers. */
  dataOf(curves, units) {
    const xs = [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const rows = new Map(xs.map((x, i) => [x, i]));
    const columns = curves.map(({ points }) => {
      const column = Array(xs.length).fill(undefined);
      for (const [x, y] of points) column[rows.get(x)] = Number.isFinite(y) ? y / units[1] : null;
      return column;
    });
    return [xs.map((x) => x / units[0]), ...columns];
  }

  optionsOf({ x, y, curves, drawn, units, logarithmic }) {
    const tell = (plot) => {
      const { left, top } = plot.cursor;
      let best = null,
        least = 12 * 12;
      drawn.forEach((points, i) => {
        for (const point of points) {
          const dx = plot.valToPos(point[0] / units[0], "x") - left,
            dy = plot.valToPos(point[1] / units[1], "y") - top,
            square = dx * dx + dy * dy;
          if (square >= least) continue;
          const where = x ? `${x} ${point[0]}\n${y} ${point[1]}` : `${y}[${point[0]}] ${point[1]}`;
          [best, least] = [`${curves[i].name}\n${where}`, square];
        }
      });
      this.chart.tell(left < 0 ? null : best, left + 72, top);
    };
    const whole = Array.from({ length: 30 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));
    return {
      legend: { show: false },
      cursor: { points: { show: false }, y: true, drag: { x: true, y: true, uni: 20 }, focus: { prox: 16 } },
      focus: { alpha: 0.25 },
      scales: {
        x: { time: false, range: withRoom(0.015) },
        y: logarithmic ? { distr: 3 } : { range: withRoom(0.06) },
      },
      axes: [
        axis(x ?? "place in the list", { size: 34, values: inUnit(units[0]), ...(x ? {} : { incrs: whole }) }),
        numberAxis(y, units[1], logarithmic),
      ],
      series: [
        {},
        ...curves.map((curve, i) => ({
          stroke: curve.colour ?? colour("good"),
          width: 1.5,
          points: { show: drawn[i].length <= 40, size: 4, width: 0, fill: curve.colour ?? colour("good") },
        })),
      ],
      hooks: { setCursor: [tell] },
    };
  }
}
