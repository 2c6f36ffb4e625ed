// Who worked when, how much was done over time, and how long tasks took.

class Activity {
  constructor() {
    this.timeline = new Drawing("Which worker was busy when");
    this.running = new Chart("How many workers were busy, over time");
    this.rate = new Chart("Tasks per second, over time");
    this.note = el("p", { class: "note" });
    this.runningTitle = el("h3");
    this.rateTitle = el("h3", {}, "Tasks per second");
    this.element = el(
      "section",
      { class: "activity" },
      el("header", {}, el("h2", {}, "Workers")),
      this.timeline.element,
      this.note,
      this.runningTitle,
      this.running.element,
      this.rateTitle,
      this.rate.element,
    );
  }

  update(report) {
    const { timeline, verdict } = report;
    this.element.hidden = timeline.lanes.length === 0;
    if (this.element.hidden) return;
    drawTimeline(this.timeline, timeline);
    const lanes =
      timeline.all_lanes > timeline.lanes.length
        ? `Shows ${timeline.lanes.length} of ${count(timeline.all_lanes)} lanes; the curves below count all of them.`
        : "";
    const batches =
      timeline.segments.length > 0
        ? "Each bar is a task, or a batch of short ones."
        : "The stronger the colour, the more of the time tasks ran.";
    this.note.textContent = [batches, lanes, `Began ${time(timeline.begin)}.`].filter(Boolean).join(" ");
    this.runningTitle.textContent = `Busy workers, of ${count(verdict.workers)}`;
    const drawn = timeline.seconds > 0;
    for (const part of [this.runningTitle, this.running.element, this.rateTitle, this.rate.element])
      part.hidden = !drawn;
    if (!drawn) return;
    this.running.show(126, () => this.chartOf(timeline, timeline.running, "busy", Math.max(verdict.workers, 1)));
    this.rate.show(150, () => this.chartOf(timeline, timeline.tasks_per_second, "tasks/s", null));
  }

  /** Steps over time under the same scale as the timeline. */
  chartOf(timeline, values, label, most) {
    const [size, unit] = unitOf(timeline.seconds),
      slot = timeline.seconds / values.length / size;
    const data = [[...values.keys(), values.length].map((i) => i * slot), [...values, values.at(-1)]];
    const highest = values.reduce((a, b) => Math.max(a, b), most ?? 0);
    return {
      data,
      options: {
        legend: { show: false },
        padding: [8, 12, 0, 0],
        cursor: { sync: { key: "activity" }, y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: {
          x: { time: false, range: [0, slot * values.length] },
          y: { range: [0, Math.max(highest * 1.05, 1e-9)] },
        },
        axes: [
          axis(label === "busy" ? null : `time since the first task began (${unit})`, { size: 30 }),
          axis(null, { size: 72, values: (_, ticks) => ticks.map(compact) }),
        ],
        series: [
          {},
          {
            stroke: colour("good"),
            width: 1.5,
            fill: `${colour("good")}26`,
            paths: uPlot.paths.stepped({ align: 1 }),
            points: { show: false },
          },
        ],
        hooks: {
          setCursor: [
            (plot) => {
              const { left, top, idx } = plot.cursor,
                chart = label === "busy" ? this.running : this.rate;
              const inside = left >= 0 && top >= 0 && idx !== null;
              chart.tell(
                inside ? `${duration(data[0][idx] * size)}: ${compact(data[1][idx])} ${label}` : null,
                left + 72,
                Math.max(top, 40),
              );
            },
          ],
        },
      },
    };
  }
}

class Durations {
  constructor() {
    this.drawing = new Drawing("How long tasks took");
    this.figures = el("p", { class: "figures" });
    this.note = el("p", { class: "note" });
    this.element = el(
      "section",
      { class: "durations" },
      el("header", {}, el("h2", {}, "Durations")),
      this.drawing.element,
      this.figures,
      this.note,
    );
  }

  update(report) {
    const durations = report.durations;
    this.element.hidden = !durations;
    if (!durations) return;
    const { edges, counts, quantiles } = durations;
    const named = new Map([
      [0.05, "5 %"],
      [0.5, "median"],
      [0.95, "95 %"],
    ]);
    const marks = quantiles
      .filter(([share]) => named.has(share))
      .map(([share, value]) => [Math.min(Math.max(value, edges[0]), edges.at(-1)), named.get(share)]);
    drawHistogram(this.drawing, {
      edges,
      counts,
      logarithmic: true,
      label: "duration of a task",
      tick: duration,
      ticks: powersBetween(edges[0], edges.at(-1)),
      marks,
    });
    const parts = [
      ["minimum", durations.minimum],
      ...quantiles.map(([share, value]) => [share === 0.5 ? "median" : `${brief(share * 100)} %`, value]),
      ["maximum", durations.maximum],
      ["mean", durations.mean],
    ];
    this.figures.replaceChildren(
      ...parts.flatMap(([name, value], i) => [i > 0 ? " · " : "", `${name} `, el("b", {}, duration(value))]),
    );
    const together = durations.tasks_known_as_mean;
    this.note.textContent =
      `All ${plural(report.job.done, "task")}.` +
      (together > 0
        ? ` ${count(together)} of them were so short that they ran in batches: each counts with the mean of its batch.`
        : "");
  }
}
