// Results over two parameters, as colours.

/** How far the positions of a grid's axis are apart: "linear", "log", or "" for anything else. */
function spacing(values) {
  const even = (numbers) => {
    const last = numbers.length - 1;
    if (numbers[0] === numbers[last]) return false;
    return numbers.every((n, i) => Math.abs(shareBetween(numbers[0], numbers[last], n) * last - i) <= 0.51);
  };
  const numbers = values.map(Number);
  if (numbers.length < 2 || numbers.some((n) => !Number.isFinite(n))) return "";
  if (even(numbers)) return "linear";
  return numbers.every((n) => n > 0) && even(numbers.map(Math.log)) ? "log" : "";
}

/** Ticks of an axis whose cells are equally wide: pairs of the cell's number (a fraction) and text. */
function cellTicks(axis, most) {
  const cells = axis.values.length,
    kind = axis.numeric && cells > 12 ? spacing(axis.values) : "";
  if (kind === "") {
    const every = Math.ceil(cells / most);
    return axis.values
      .map((value, i) => [i, axis.numeric ? brief(value) : shortened(String(value), 14)])
      .filter(([i]) => i % every === 0);
  }
  const scale = kind === "log" ? Math.log10 : Number;
  const first = scale(Number(axis.values[0])),
    last = scale(Number(axis.values.at(-1)));
  const ticks = niceTicks(Math.min(first, last), Math.max(first, last), most);
  const whole = kind === "log" ? ticks.filter(Number.isInteger) : ticks;
  if (kind === "log" && whole.length < 2) return cellTicks({ ...axis, values: axis.values, numeric: false }, most);
  return whole.map((tick) => [
    shareBetween(first, last, tick) * (cells - 1),
    brief(kind === "log" ? 10 ** tick : tick),
  ]);
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** A range of values and the colour of each. */
class Scale {
  constructor(values, logarithmic) {
    const numbers = values.filter((value) => value !== null);
    this.low = numbers.reduce((a, b) => Math.min(a, b), Infinity);
    this.high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
    this.logarithmic = logarithmic && this.low > 0;
    const balance = this.low < 0 && this.high > 0 ? Math.min(-this.low, this.high) / Math.max(-this.low, this.high) : 0;
    this.centred = balance > 0.2;
    if (this.centred) ((this.high = Math.max(-this.low, this.high)), (this.low = -this.high));
    this.colours = this.centred ? diverging : viridis;
    this.table = Array.from({ length: 256 }, (_, i) => blend(this.colours, i / 255));
  }
  share(value) {
    if (this.high === this.low) return 0.5;
    if (this.logarithmic) return shareBetween(Math.log(this.low), Math.log(this.high), Math.log(value));
    return shareBetween(this.low, this.high, value);
  }
  colour(value) {
    return this.table[Math.round(Math.min(Math.max(this.share(value), 0), 1) * 255)];
  }
  ticks() {
    if (!this.logarithmic) return niceTicks(this.low, this.high, 6);
    const powers = niceTicks(Math.log10(this.low), Math.log10(this.high), 6)
      .filter(Number.isInteger)
      .map((p) => 10 ** p);
    return powers.length > 1 ? powers : [this.low, Math.sqrt(this.low) * Math.sqrt(this.high), this.high];
  }
}

/** Cells of two axes, y upwards; those where every task failed are crossed out, those that are not finite are grey. */
function drawHeatMap(drawing, map, column, logarithmic) {
  const { x, y } = map,
    nx = x.values.length,
    ny = y.values.length;
  const scale = new Scale(column.values, logarithmic);
  const failed = new Set(map.failed),
    notFinite = new Set(column.not_finite.cells);
  const height = Math.round(Math.min(Math.max(ny * 14, 240), 440)) + 72;
  const frameOf = (width) => ({ left: 72, right: width - 92, top: 24, bottom: height - 48 });
  const cellAt = (px, py) => {
    const frame = frameOf(drawing.element.clientWidth);
    const i = Math.floor(((px - frame.left) / (frame.right - frame.left)) * nx);
    const j = Math.floor(((frame.bottom - py) / (frame.bottom - frame.top)) * ny);
    return i >= 0 && i < nx && j >= 0 && j < ny ? [i, j] : null;
  };
  drawing.show({
    height,
    paint(context, width) {
      const frame = frameOf(width),
        w = (frame.right - frame.left) / nx,
        h = (frame.bottom - frame.top) / ny;
      context.fillStyle = colour("fill");
      context.fillRect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
      for (let j = 0; j < ny; ++j) {
        for (let i = 0; i < nx; ++i) {
          const value = column.values[j * nx + i];
          const left = Math.round(frame.left + i * w),
            right = Math.round(frame.left + (i + 1) * w);
          const top = Math.round(frame.bottom - (j + 1) * h),
            bottom = Math.round(frame.bottom - j * h);
          if (value !== null) {
            context.fillStyle = scale.colour(value);
            context.fillRect(left, top, right - left, bottom - top);
          } else if (failed.has(j * nx + i)) {
            crossOut(context, left, top, right - left, bottom - top);
          } else if (notFinite.has(j * nx + i)) {
            context.fillStyle = colour("rest");
            context.fillRect(left, top, right - left, bottom - top);
          }
        }
      }
      bottomAxis(
        context,
        frame,
        cellTicks(x, ticksIn(frame)).map(([i, text]) => [frame.left + (i + 0.5) * w, text]),
        x.name,
      );
      const rows = cellTicks(y, Math.min(12, Math.floor((frame.bottom - frame.top) / 22)));
      leftAxis(
        context,
        frame,
        rows.map(([j, text]) => [frame.bottom - (j + 0.5) * h, text]),
        y.name,
      );
      drawColourBar(context, frame, scale, column.name);
    },
    tell(px, py) {
      const cell = cellAt(px, py);
      if (!cell) return null;
      const [i, j] = cell,
        number = j * nx + i,
        value = column.values[number];
      const missing = failed.has(number) ? "failed" : notFinite.has(number) ? "not finite" : "not done yet";
      const text = value !== null ? `${column.name} ${brief(value, 6)}` : missing;
      return `${x.name} ${x.values[i]}\n${y.name} ${y.values[j]}\n${text}`;
    },
    step() {
      const frame = frameOf(drawing.element.clientWidth);
      return [(frame.right - frame.left) / nx, (frame.bottom - frame.top) / ny];
    },
  });
}

function crossOut(context, x, y, width, height) {
  context.fillStyle = colour("bad-fill");
  context.fillRect(x, y, width, height);
  context.strokeStyle = colour("bad");
  context.beginPath();
  if (width < 7 || height < 7) {  // no room for a cross
    context.moveTo(x, y + height);
    context.lineTo(x + width, y);
    return context.stroke();
  }
  context.moveTo(x + 1, y + 1);
  context.lineTo(x + width - 1, y + height - 1);
  context.moveTo(x + width - 1, y + 1);
  context.lineTo(x + 1, y + height - 1);
  context.stroke();
}

function drawColourBar(context, frame, scale, name) {
  if (!(scale.high >= scale.low)) return;
  const left = frame.right + 18,
    height = frame.bottom - frame.top;
  for (let i = 0; i < height; ++i) {
    context.fillStyle = scale.table[Math.round((1 - i / height) * 255)];
    context.fillRect(left, frame.top + i, 14, 1.5);
  }
  context.fillStyle = colour("soft");
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const tick of scale.ticks())
    context.fillText(brief(tick, 3), left + 19, frame.bottom - scale.share(tick) * height);
  context.fillStyle = colour("text");
  context.textAlign = "right";
  context.textBaseline = "bottom";
  context.fillText(name, frame.right + 92, frame.top - 7);
}
