// Plots that are drawn by hand: a frame with axes, and in it a histogram or a timeline.

const font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif";

/** A canvas as wide as its place, drawn anew when that changes, with a tip that follows pointer and arrow keys. */
class Drawing {
  /** `label`: what it shows, for those who cannot see it. */
  constructor(label) {
    this.canvas = el("canvas", { role: "img", "aria-label": label, tabindex: "0" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.element = el("div", { class: "plot" }, this.canvas, this.tip);
    this.canvas.addEventListener("pointermove", (event) => this.point(event.offsetX, event.offsetY));
    this.canvas.addEventListener("pointerleave", () => this.leave());
    this.canvas.addEventListener("blur", () => this.leave());
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** `paint(context, width, height)` draws; `tell(x, y)` says what is there, or null; `step` is how far keys go. */
  show({ height, paint, tell, step = () => [10, 10] }) {
    Object.assign(this, { height, paint, tell, step });
    this.draw();
  }

  draw() {
    const width = this.element.clientWidth,
      scale = window.devicePixelRatio || 1;
    if (!this.paint || width === 0) return;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.canvas.style.height = `${this.height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    context.font = font;
    this.paint(context, width, this.height);
  }

  point(x, y) {
    const text = this.tell ? this.tell(x, y) : null;
    this.at = [x, y];
    this.tip.hidden = !text;
    if (!text) return;
    this.tip.textContent = text;
    const room = this.element.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, room))}px`;
    this.tip.style.top = `${Math.max(0, y - this.tip.offsetHeight - 10)}px`;
  }

  leave() {
    this.tip.hidden = true;
  }

  key(event) {
    const [dx, dy] = this.step();
    const move = { ArrowLeft: [-dx, 0], ArrowRight: [dx, 0], ArrowUp: [0, -dy], ArrowDown: [0, dy] }[event.key];
    if (!move) return;
    event.preventDefault();
    const [x, y] = this.at ?? [this.element.clientWidth / 2, this.height / 2];
    this.point(
      Math.min(Math.max(x + move[0], 0), this.element.clientWidth),
      Math.min(Math.max(y + move[1], 0), this.height),
    );
  }
}

/** Text beside an axis; `ticks`: pairs of place and text. Those that would touch the one before are left out. */
function bottomAxis(context, frame, ticks, label) {
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("line");
  context.textAlign = "center";
  context.textBaseline = "top";
  let free = -Infinity;
  for (const [x, text] of ticks) {
    const half = context.measureText(text).width / 2;
    if (x - half < free) continue;
    context.beginPath();
    context.moveTo(x, frame.bottom);
    context.lineTo(x, frame.bottom + 4);
    context.stroke();
    context.fillText(text, Math.min(x, frame.right + 12 - half), frame.bottom + 7);
    free = x + half + 10;
  }
  context.fillStyle = colour("text");
  context.fillText(label, (frame.left + frame.right) / 2, frame.bottom + 25);
}

function leftAxis(context, frame, ticks, label) {
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("line");
  context.textAlign = "right";
  context.textBaseline = "middle";
  let free = Infinity;
  for (const [y, text] of ticks) {
    if (y + 7 > free) continue;
    context.beginPath();
    context.moveTo(frame.left - 4, y);
    context.lineTo(frame.left, y);
    context.stroke();
    context.fillText(text, frame.left - 7, y);
    free = y - 9;
  }
  if (!label) return;
  context.save();
  context.translate(12, (frame.top + frame.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillStyle = colour("text");
  context.fillText(label, 0, 0);
  context.restore();
}

/** How many texts have room below. */
function ticksIn(frame) {
  return Math.min(Math.max(Math.floor((frame.right - frame.left) / 75), 2), 10);
}

function gridLines(context, frame, ys) {
  context.strokeStyle = colour("grid");
  for (const y of ys) {
    context.beginPath();
    context.moveTo(frame.left, Math.round(y) + 0.5);
    context.lineTo(frame.right, Math.round(y) + 0.5);
    context.stroke();
  }
}

/** Bars between edges; `ticks` are values, of which `tick` makes text; `marks`: pairs of value and text. */
function drawHistogram(drawing, { edges, counts, logarithmic, label, tick, ticks, marks = [] }) {
  const height = 250,
    most = counts.reduce((a, b) => Math.max(a, b), 1);
  const place = logarithmic ? Math.log : Number;
  const low = place(edges[0]),
    high = place(edges.at(-1));
  const frameOf = (width) => ({ left: 72, right: width - 12, top: 26, bottom: height - 46 });
  const at = (frame, value) => frame.left + ((place(value) - low) / (high - low || 1)) * (frame.right - frame.left);
  drawing.show({
    height,
    paint(context, width) {
      const frame = frameOf(width),
        up = (n) => frame.bottom - (n / most) * (frame.bottom - frame.top);
      const rows = niceTicks(0, most, 5).filter(Number.isInteger);
      gridLines(context, frame, rows.map(up));
      leftAxis(
        context,
        frame,
        rows.map((n) => [up(n), compact(n)]),
        "tasks",
      );
      context.fillStyle = colour("good");
      counts.forEach((n, i) => {
        const left = at(frame, edges[i]),
          right = at(frame, edges[i + 1]),
          gap = right - left > 4 ? 1 : 0;
        if (n > 0)
          context.fillRect(
            left + gap / 2,
            Math.min(up(n), frame.bottom - 1),
            Math.max(right - left - gap, 1),
            Math.max(frame.bottom - up(n), 1),
          );
      });
      context.strokeStyle = colour("line");
      context.strokeRect(frame.left, frame.bottom + 0.5, frame.right - frame.left, 0);
      drawMarks(
        context,
        frame,
        marks.map(([value, text]) => [at(frame, value), text]),
      );
      bottomAxis(
        context,
        frame,
        ticks
          .filter((value) => place(value) >= low - 1e-9 && place(value) <= high + 1e-9)
          .map((value) => [at(frame, value), tick(value)]),
        label,
      );
    },
    tell(x) {
      const frame = frameOf(drawing.element.clientWidth);
      const i = counts.findIndex((_, k) => x >= at(frame, edges[k]) && x < at(frame, edges[k + 1]));
      return i < 0 ? null : `${tick(edges[i])} to ${tick(edges[i + 1])}\n${plural(counts[i], "task")}`;
    },
    step: () => [(drawing.element.clientWidth - 84) / counts.length, 10],
  });
}

/** Dashed lines from top to bottom with a word above each; words that would touch are left out. */
function drawMarks(context, frame, marks) {
  context.textBaseline = "bottom";
  context.textAlign = "center";
  let free = -Infinity;
  for (const [x, text] of marks) {
    context.strokeStyle = colour("text");
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x, frame.top - 4);
    context.lineTo(x, frame.bottom);
    context.stroke();
    context.setLineDash([]);
    const half = context.measureText(text).width / 2,
      middle = Math.min(Math.max(x, frame.left + half), frame.right - half);
    if (middle - half < free) continue;
    context.fillStyle = colour("soft");
    context.fillText(text, middle, frame.top - 6);
    free = middle + half + 8;
  }
}

/** A row for each lane, under the name of its machine where there are several. */
function drawTimeline(drawing, timeline) {
  const { lanes, segments, seconds } = timeline;
  const hosts = new Set(lanes.map((lane) => lane.hostname)),
    heads = hosts.size > 1;
  const rowHeight = lanes.length <= 12 ? 20 : lanes.length <= 32 ? 12 : 8,
    headHeight = 24;
  const tops = [];
  let next = 6;
  lanes.forEach((lane, i) => {
    if (heads && (i === 0 || lanes[i - 1].hostname !== lane.hostname)) next += headHeight;
    tops.push(next);
    next += rowHeight;
  });
  const height = next + 48;
  const frameOf = (width) => ({ left: 72, right: width - 12, top: 6, bottom: next + 2 });
  const at = (frame, s) => frame.left + (s / (seconds || 1)) * (frame.right - frame.left);
  const [size, unit] = unitOf(seconds);
  const bar = rowHeight - (rowHeight > 10 ? 4 : 1);
  drawing.show({
    height,
    paint(context, width) {
      const frame = frameOf(width),
        good = colour("good"),
        bad = colour("bad");
      lanes.forEach((lane, i) => {
        context.globalAlpha = 1;
        context.textBaseline = "middle";
        if (heads && (i === 0 || lanes[i - 1].hostname !== lane.hostname)) {
          context.textAlign = "left";
          context.fillStyle = colour("text");
          context.fillText(lane.hostname, 0, tops[i] - headHeight / 2 + 1);
        }
        context.textAlign = "right";
        context.fillStyle = colour("soft");
        if (rowHeight >= 12 || i % 4 === 0) context.fillText(lane.name, frame.left - 8, tops[i] + bar / 2);
        context.fillStyle = colour("fill");
        context.fillRect(frame.left, tops[i], frame.right - frame.left, bar);
        if (segments.length > 0) return;
        context.fillStyle = good;
        const slot = (frame.right - frame.left) / lane.busy.length;
        lane.busy.forEach((share, k) => {
          if (share === 0) return;
          context.globalAlpha = 0.15 + 0.85 * (share / 100);
          context.fillRect(frame.left + k * slot, tops[i], slot + 0.5, bar);
        });
      });
      context.globalAlpha = 1;
      for (const [lane, begin, end, , , failed] of segments) {
        const left = at(frame, begin),
          wide = at(frame, end) - left;
        context.fillStyle = failed ? bad : good;
        context.fillRect(left, tops[lane], Math.max(wide > 3 ? wide - 0.7 : wide, failed ? 1.5 : 0.5), bar);
      }
      bottomAxis(
        context,
        frame,
        niceTicks(0, seconds / size, ticksIn(frame)).map((t) => [at(frame, t * size), brief(t)]),
        `time since the first task began (${unit})`,
      );
    },
    tell(x, y) {
      const frame = frameOf(drawing.element.clientWidth);
      const i = tops.findIndex((top) => y >= top && y < top + rowHeight);
      if (i < 0 || x < frame.left || x > frame.right) return null;
      const lane = lanes[i],
        s = ((x - frame.left) / (frame.right - frame.left)) * seconds,
        slack = seconds / (frame.right - frame.left);
      const hit = segments.find(([number, begin, end]) => number === i && s >= begin - slack && s <= end + slack);
      const head = `${lane.hostname} ${lane.name}: ${plural(lane.tasks, "task")}, busy ${duration(lane.seconds)}`;
      if (!hit) return head;
      const [, begin, end, first, number, failed] = hit;
      const what = number === 1 ? `#${first}${failed ? " failed" : ""}` : `#${first} to #${first + number - 1}`;
      return `${head}\n${what}, ${duration(end - begin)}`;
    },
    step: () => [8, rowHeight],
  });
}
