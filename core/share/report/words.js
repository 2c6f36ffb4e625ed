"use strict";
// Elements, numbers in words, colours. Text of a job reaches the page as text alone, never as markup.

/** An element with attributes, event handlers (onclick) and children; texts become text nodes. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** 1234567 -> "1,234,567" */
function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** A number in at most so many digits, as people write it. */
function brief(value, digits = 5) {
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (Number.isInteger(number) && size < 1e7) return count(number).replace("-", "−");
  const text = size >= 1e-4 && size < 1e7 ? String(Number(number.toPrecision(digits))) : exponent(number, digits);
  return text.replace(/^-/, "−");
}

/** A count in few characters: 800000 -> "800 k". */
function compact(value) {
  const [size, letter] = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ].find(([size]) => value >= 10 * size || (size > 1e3 && value >= size)) ?? [1, ""];
  return letter ? `${brief(value / size, 3)} ${letter}` : brief(value, 3);
}

/** 1.5e-7 -> "1.5×10⁻⁷" */
function exponent(number, digits) {
  const [mantissa, power] = number.toExponential(digits - 1).split("e");
  const raised = [...String(Number(power))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  const front = String(Number(mantissa));
  return front === "1" ? `10${raised}` : front === "-1" ? `-10${raised}` : `${front}×10${raised}`;
}

const units = [
  [1e-9, "ns"],
  [1e-6, "µs"],
  [1e-3, "ms"],
  [1, "s"],
  [60, "min"],
  [3600, "h"],
  [86400, "d"],
];

/** The unit in which so many seconds are told: [seconds in it, its name]. */
function unitOf(seconds) {
  return units.findLast(([size]) => seconds >= size * (size > 1 ? 2 : 0.9995)) ?? units[0];
}

function duration(seconds) {
  if (!(seconds > 0)) return "0 s";
  if (seconds >= 120) {
    const whole = Math.round(seconds),
      two = (n) => String(n).padStart(2, "0");
    if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
    if (whole < 172800) return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)} h`;
    return `${brief(whole / 86400, 3)} d`;
  }
  const [size, name] = unitOf(seconds);
  return `${brief(seconds / size, 3)} ${name}`;
}

function percent(share) {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1 %";
  if (value > 99.9 && value < 100) return ">99.9 %";
  return `${brief(value, value < 10 ? 2 : 3)} %`;
}

/** "2026-11-26T13:02:40Z" -> "2026-11-26 13:02:40 UTC" */
function time(utc) {
  return utc ? utc.replace("T", " ").replace("Z", " UTC") : "";
}

function theme() {
  return document.documentElement.dataset.theme;
}

/** A colour of the style sheet, for canvases. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// viridis (Smith and van der Walt, 2015) for what begins somewhere; blue to orange for what has a middle.
const viridis = [
  "#440154",
  "#482878",
  "#3e4989",
  "#31688e",
  "#26828e",
  "#1f9e89",
  "#35b779",
  "#6ece58",
  "#b5de2b",
  "#fde725",
];
const diverging = ["#08467a", "#2c7fb8", "#8cc0de", "#efefef", "#f3b27a", "#d9691c", "#8a3800"];

/** The colour at a share between 0 and 1 of a list of them. */
function blend(colours, share) {
  const at = Math.min(Math.max(share, 0), 1) * (colours.length - 1),
    low = Math.min(Math.floor(at), colours.length - 2);
  const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mix = [0, 1, 2].map((i) =>
    Math.round(part(colours[low], i) + (at - low) * (part(colours[low + 1], i) - part(colours[low], i))),
  );
  return `rgb(${mix.join(",")})`;
}

/** Where a value is between two ends: 0 to 1. Halves, as the difference of huge numbers overflows. */
function shareBetween(low, high, value) {
  return (value / 2 - low / 2) / (high / 2 - low / 2);
}

/** Numbers for the ticks of an axis: at most about so many between two ends. */
function niceTicks(low, high, most) {
  if (!(high > low)) return [low];
  const rough = high / most - low / most,
    size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * size >= rough) * size;
  const ticks = [];
  const end = Math.min(high + step * 1e-9, Number.MAX_VALUE);
  for (let k = Math.ceil(low / step - 1e-9); k * step <= end; ++k)
    ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

/** Puts a text where it can be pasted; the button says so for a moment. */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", {}, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "copied";
  setTimeout(() => {
    button.textContent = before;
  }, 1200);
}

/** A command line with a button that copies it. */
function copyable(command) {
  const button = el("button", { class: "plain", title: "Copy", onclick: () => copy(command, button) }, "copy");
  return el("div", { class: "line" }, el("code", {}, command), button);
}

function option(value, text, chosen) {
  return el("option", { value, selected: value === chosen }, text);
}

/** A drop-down list that stays when its options do; `choose` gets the value. */
class Choice {
  constructor(text, choose) {
    this.select = el("select", { onchange: () => choose(this.select.value) });
    this.element = el("label", {}, text, this.select);
  }
  /** `options`: pairs of value and text. */
  update(options, chosen) {
    const wanted = JSON.stringify(options);
    if (wanted !== this.shown)
      this.select.replaceChildren(...options.map(([value, text]) => option(value, text, chosen)));
    this.shown = wanted;
    this.select.value = chosen;
    this.element.hidden = options.length < 2;
  }
}

/** Buttons of which one is pressed. */
class Tabs {
  constructor(choose) {
    this.choose = choose;
    this.element = el("div", { class: "tabs", role: "group" });
  }
  update(options, chosen) {
    const wanted = JSON.stringify(options);
    if (wanted !== this.shown) {
      this.element.replaceChildren(
        ...options.map(([value, text]) =>
          el("button", { "data-value": value, onclick: () => this.choose(value) }, text),
        ),
      );
    }
    this.shown = wanted;
    for (const button of this.element.children) button.setAttribute("aria-pressed", button.dataset.value === chosen);
    this.element.hidden = options.length < 2;
  }
}
