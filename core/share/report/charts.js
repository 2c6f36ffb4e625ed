// Plots that uPlot draws.

/** A uPlot chart that is made anew when its data, the theme or its width change. */
class Chart {
  constructor(label) {
    this.place = el("div", { class: "plot", role: "img", "aria-label": label });
    this.tip = el("div", { class: "tip", hidden: true });
    this.element = this.place;
    new ResizeObserver(() => {
      if (this.plot && this.place.clientWidth > 0)
        this.plot.setSize({ width: this.place.clientWidth, height: this.height });
      else if (this.make) this.draw();
    }).observe(this.place);
  }
  /** `make()` returns uPlot's options without a size, and data. */
  show(height, make) {
    Object.assign(this, { height, make });
    this.draw();
  }
  draw() {
    if (this.plot) this.plot.destroy();
    this.plot = null;
    if (this.place.clientWidth === 0) return;
    const { options, data } = this.make();
    this.plot = new uPlot({ ...options, width: this.place.clientWidth, height: this.height }, data, this.place);
    this.place.append(this.tip);
  }
  tell(text, x, y) {
    this.tip.hidden = !text;
    if (!text) return;
    this.tip.textContent = text;
    const room = this.place.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, room))}px`;
    this.tip.style.top = `${Math.max(0, y - this.tip.offsetHeight - 10)}px`;
  }
}

function axis(label, more = {}) {
  return {
    label,
    labelFont: font,
    font,
    labelSize: 24,
    labelGap: 2,
    stroke: colour("soft"),
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { stroke: colour("line"), width: 1, size: 4 },
    values: (_, values) => values.map((value) => (value === null ? "" : brief(value))),
    ...more,
  };
}

/** Texts for ticks that were divided by a unit. */
function inUnit(unit) {
  return (_, ticks) => ticks.map((tick) => (tick === null ? "" : brief(tick * unit)));
}

/** An axis on the left, as wide as its numbers need. A logarithmic one has ticks of its own: uPlot finds none where
 * there are very many powers of ten. */
function numberAxis(label, unit, logarithmic) {
  const powers = (_, __, low, high) => {
    const ticks = powersBetween(low * unit, high * unit),
      step = Math.ceil(ticks.length / 9);
    return ticks.filter((_, i) => i % step === 0).map((tick) => tick / unit);
  };
  return axis(label, {
    values: inUnit(unit),
    size: (_, ticks) => 14 + 7 * Math.max(4, ...(ticks ?? []).map((tick) => tick.length)),
    ...(logarithmic ? { incrs: [1e300], splits: powers, filter: (_, ticks) => ticks } : {}),
  });
}

/** Ends of an axis with a little room beyond the values. */
function withRoom(share) {
  return (_, low, high) => {
    if (low === null) return [0, 1];
    const room = high > low ? (high - low) * share : Math.abs(high) * 0.1 || 1;
    return [low - room, high + room];
  };
}
