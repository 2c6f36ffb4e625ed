// Lists of numbers as curves, one for each of some tasks.

/** Where in a list of `length` numbers the one is that is the `i`th of `count` kept ones. */
function placeOf(i, length, count) {
  return count > 1 ? Math.floor((i * (length - 1)) / (count - 1)) : 0;
}

/** Whether the numbers of `list` can be drawn along those of another one: as many in each task, and they only grow. */
function canBeAxis(other, list) {
  const grow = (values) => values.every((value, i) => Number.isFinite(value) && (i === 0 || value > values[i - 1]));
  return (
    other !== list && other.tasks.every(({ length, values }, k) => length === list.tasks[k].length && grow(values))
  );
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
    const unitOfAll = (i) => unitFor(drawn.flat().map((point) => point[i]));
    const units = [unitOfAll(0), logarithmic ? 1 : unitOfAll(1)];
    this.chart.show(360, () => ({
      data: this.dataOf(drawn, units),
      options: this.optionsOf({ x, y, curves, drawn, units, logarithmic }),
    }));
  }

  /** Columns over all x at which any of the curves has a number. */
  dataOf(drawn, units) {
    const xs = [...new Set(drawn.flat().map(([x]) => x))].sort((a, b) => a - b);
    const rows = new Map(xs.map((x, i) => [x, i]));
    const columns = drawn.map((points) => {
      const column = Array(xs.length).fill(null);
      for (const [x, y] of points) column[rows.get(x)] = y / units[1];
      return column;
    });
    return [xs.map((x) => x / units[0]), ...columns];
  }

  optionsOf({ x, y, curves, drawn, units, logarithmic }) {
    const few = drawn.every((points) => points.length <= 40);
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
      cursor: { points: { show: false }, y: true, drag: { x: true, y: true, uni: 20 } },
      scales: {
        x: { time: false, range: withRoom(0.015) },
        y: logarithmic ? { distr: 3 } : { range: withRoom(0.06) },
      },
      axes: [
        axis(x ?? "place in the list", { size: 34, values: inUnit(units[0]), ...(x ? {} : { incrs: whole }) }),
        numberAxis(y, units[1]),
      ],
      series: [
        {},
        ...curves.map((curve) => ({
          stroke: curve.colour ?? colour("good"),
          width: 1.5,
          spanGaps: true,
          points: { show: few, size: 4, width: 0, fill: curve.colour ?? colour("good") },
        })),
      ],
      hooks: { setCursor: [tell] },
    };
  }
}
