// Reports, opened as files.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { before } from "node:test";
import { HOSTILE, Scene, openBrowser, openPage, screenshot, tile } from "./jobhost.mjs";

let browser;
before(async (suite) => {
  browser = await openBrowser(suite);
});

const cell = (page, row, column) =>
  page.locator(`.tasks tbody tr:nth-child(${row}) td:nth-child(${column})`).textContent();

/** The file that `jobhost report` writes, opened. Nothing but itself may be asked for. */
async function openReport(scene, options) {
  scene.run(["report", "-o", "report.html"]);
  const page = await openPage(browser, `file://${path.join(scene.folder, "report.html")}`, options);
  return page;
}

function assertQuiet(page) {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(
    page.asked.filter((url) => !url.startsWith("file://")),
    [],
  );
}

test("a report says what show says, and fails are in groups", async (t) => {
  const scene = new Scene(t);
  scene.run(["run", `${HOSTILE}:fussy`, "x=0..220", "-j2", "--name", "lucky numbers"], 1);
  const page = await openReport(scene);
  const shown = scene.json("show");
  assert.equal(await page.title(), `fussy · ${shown.job}`);
  assert.equal(await tile(page, "succeeded"), String(shown.done - shown.failed));
  assert.equal(await tile(page, "failed"), String(shown.failed));
  assert.match(await page.locator(".head").textContent(), new RegExp(`job ${shown.job} · lucky numbers`));
  assert.match(
    await page.locator(".verdict .first").textContent(),
    /^3 tasks \(1\.4 %\) failed, all with std::domain_error: unlucky 13 \(or alike\), in /,
  );

  const group = page.locator(".failure");
  assert.equal(await group.count(), 1);
  assert.match(await group.textContent(), /3 ×std::domain_error: unlucky 13/);
  assert.ok((await group.locator("code").allTextContents()).includes(`jobhost replay ${shown.job}/113`));
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await group.locator("button").nth(1).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `jobhost replay ${shown.job}/113`);

  assert.match(await page.locator(".provenance").textContent(), new RegExp(shown.plugin.sha256));
  assert.match(
    await page.locator(".provenance dd.mono").first().textContent(),
    /run .*hostile\.so:fussy x=0\.\.220 -j2/,
  );
  assertQuiet(page);
  await screenshot(page, "failing-light");
  const dark = await openReport(scene, { colorScheme: "dark" });
  await screenshot(dark, "failing-dark");
  assertQuiet(dark);
});

test("tasks are found by words and numbers, sorted, and turned over", async (t) => {
  const scene = new Scene(t);
  scene.run(["run", `${HOSTILE}:fussy`, "x=0..120"], 1);
  const page = await openReport(scene);
  assert.deepEqual([await cell(page, 1, 1), await cell(page, 1, 2), await cell(page, 1, 3)], ["#0", "0", "0"]);
  assert.match(await page.locator(".pages").textContent(), /1 to 20 of 121 rows/);
  await page.getByRole("button", { name: "Next ›" }).click();
  assert.equal(await cell(page, 1, 1), "#20");
  await page.getByLabel("Filter tasks").fill("x>100 result<=210");
  assert.match(await page.locator(".pages").textContent(), /1 to 5 of 5 rows/);
  await page.getByRole("button", { name: "result" }).click();
  await page.getByRole("button", { name: "result" }).click();
  assert.deepEqual([await cell(page, 1, 1), await cell(page, 1, 3)], ["#105", "210"]);
  await page.getByLabel("Filter tasks").fill("unlucky 113");
  assert.equal(await cell(page, 1, 1), "#113");
  await page.getByLabel("Filter tasks").fill("");
  await page.locator(".tasks select").selectOption("failed");
  assert.match(await page.locator(".pages").textContent(), /1 to 2 of 2 rows/);
  assertQuiet(page);
});

test("a grid of two parameters is a heat map with their names, and so are results against inputs", async (t) => {
  const scene = new Scene(t);
  scene.run(["run", "--expr", "sin(3*x)*cos(y)", "--linspace", "x=0:3:60", "--linspace", "y=0:6:40", "-j2"]);
  const page = await openReport(scene);
  assert.equal(await page.locator(".results .tabs [aria-pressed=true]").textContent(), "Heat map");
  assert.equal(await page.locator(".results .note").textContent(), "All 2,400 tasks of the grid (60 × 40 points).");
  const rows = scene
    .run(["results", "--format", "jsonl"])
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const report = scene.json("report");
  const map = report.maps[0];
  assert.deepEqual([map.x.name, map.y.name, map.columns.map(({ name }) => name)], ["x", "y", ["result", "seconds"]]);
  for (const row of rows) {
    const [i, j] = [Math.floor(row.task / 40), row.task % 40];
    assert.equal(map.x.values[i], row.x);
    assert.equal(map.y.values[j], row.y);
    assert.ok(
      Math.abs(map.columns[0].values[j * 60 + i] - row.result) <= 1e-5 * Math.abs(row.result),
      `task ${row.task}`,
    );
  }
  await page.locator(".results canvas").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator(".results .tip:visible").textContent(), /^x \S+\ny \S+\nresult \S+$/);
  await screenshot(page, "heat-map-light");
  await page.getByRole("button", { name: "Against inputs" }).click();
  assert.equal(await page.locator(".results .uplot").count(), 1);
  await page.getByRole("button", { name: "Distribution" }).click();
  await page.getByRole("button", { name: "Light / dark" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assertQuiet(page);
});

test("lists of numbers are curves", async (t) => {
  const scene = new Scene(t);
  const wave = `#include <stdexcept>
#include <vector>
struct Wave { std::vector<double> heights; std::vector<std::vector<int>> table; std::vector<float> steps; };
Wave wave(int n, int step) {
  if (n == 3) throw std::domain_error("no wave");
  Wave w{{}, {{n}}, {1.f * step, 2}};
  for (int i = 0; i < n; ++i) w.heights.push_back(i % 100 * step);
  return w;
}
`;
  fs.writeFileSync(path.join(scene.folder, "wave.cpp"), wave);
  scene.run(["run", "wave.cpp:wave", "n=1..5", "step=1,2"], 1);
  let report = scene.json("report");
  assert.deepEqual(report.lists.map(({ column }) => report.columns[column].name), ["result.heights", "result.steps"]);
  assert.deepEqual(report.lists[0].tasks.map(({ task }) => task), [0, 1, 2, 3, 6, 7, 8, 9]);
  assert.deepEqual(report.lists[0].tasks[7], { task: 9, length: 5, values: [0, 2, 4, 6, 8] });
  const page = await openReport(scene);
  assert.equal(await page.locator(".results .tabs [aria-pressed=true]").textContent(), "Lists");
  assert.equal(await page.locator(".results .note").textContent(), "All 8 tasks that succeeded.");
  assert.deepEqual(await page.locator(".results .key li").allTextContents(), ["n 1", "n 2", "n 4", "n 5"]);
  const over = page.locator(".results .u-over"),
    { width, height } = await over.boundingBox();
  await over.hover({ position: { x: width * (1 - 0.015 / 1.03), y: (height * 0.06) / 1.12 } }); // the highest point
  assert.equal(await page.locator(".results .tip:visible").textContent(), "task #9\nn 5\nstep 2\nresult.heights[4] 8");
  await screenshot(page, "lists-light");
  await page.locator(".results .controls select").first().selectOption({ label: "result.steps" });
  assertQuiet(page);

  fs.writeFileSync(path.join(scene.folder, "fall.cpp"), `#include <vector>
struct Fall { std::vector<double> height, t, falling; };
Fall fall(double g) {
  Fall f;
  for (int i = 0; i < 50; ++i) f.t.push_back(i * 0.1), f.falling.push_back(-i), f.height.push_back(-g * i * i * 0.005);
  return f;
}
`);
  scene.run(["run", "fall.cpp:fall", "g=1.6,3.7,9.8"]);
  const along = await openReport(scene);
  const axes = along.locator(".results .controls label:visible select").nth(1);
  assert.deepEqual(await axes.locator("option").allTextContents(), ["place in the list", "result.t"]);
  const lower = along.locator(".results .u-over"),
    size = await lower.boundingBox();
  const last = { x: size.width * (1 - 0.015 / 1.03), y: size.height * (1 - 0.06 / 1.12) };
  await lower.hover({ position: last });
  assert.match(
    await along.locator(".results .tip:visible").textContent(),
    /^task #2\ng 9.8\nresult.t 4.9\d*\nresult.height -117\.\d+$/,
  );
  await screenshot(along, "lists-along-light");
  assertQuiet(along);

  scene.run(["run", "wave.cpp:wave", "n=1000..2000", "step=1"]);
  report = scene.json("report");
  const [{ tasks }] = report.lists;
  assert.equal(tasks.length, 32);
  for (const { task, length, at, values } of tasks) {
    assert.equal(length, 1000 + task);
    assert.deepEqual(values, at.map((place) => place % 100));
    assert.deepEqual([at[0], at.at(-1), values.filter((value) => value === 99).length], [0, length - 1, Math.floor(length / 100)]);
    assert.ok(at.length <= 402 && at.every((place, i) => i === 0 || place > at[i - 1]));
  }
  const many = await openReport(scene);
  assert.equal(
    await many.locator(".results .note").textContent(),
    "Shows 32 of 1,001 tasks that succeeded, and of long lists the least and the greatest number of equal parts.",
  );
  await screenshot(many, "lists-many-light");
  assertQuiet(many);

  fs.writeFileSync(path.join(scene.folder, "rare.cpp"), `#include <cmath>
#include <stdexcept>
#include <vector>
std::vector<double> rare(int n) {
  if (n % 5000 != 777) throw std::runtime_error("no");
  std::vector<double> v;
  for (int i = 0; i < 60; ++i) v.push_back(i == 30 ? NAN : std::pow(10., -i - n / 5000));
  return v;
}
`);
  scene.run(["run", "rare.cpp:rare", "n=0..49999", "-o", "rare.jsonl"], 1);
  const rare = await openReport(scene);
  assert.equal(await rare.locator(".results .note").textContent(), "All 10 tasks that succeeded. 10 numbers are not finite and not drawn.");
  await rare.getByLabel("logarithmic").check();
  assert.equal(await rare.locator(".results .uplot").count(), 1);
  await screenshot(rare, "lists-logarithmic-light");
  assertQuiet(rare);
});

test("of a million tasks a report shows some, and says so", async (t) => {
  const scene = new Scene(t);
  scene.run(["run", `${HOSTILE}:inc`, "x=1..1000000", "-j2", "-o", "all.npy"]);
  const begin = Date.now();
  const page = await openReport(scene);
  const seconds = (Date.now() - begin) / 1000;
  const document = scene.run(["report", "--json"]);
  const report = JSON.parse(document);
  const size = fs.statSync(path.join(scene.folder, "report.html")).size,
    data = document.length;
  t.diagnostic(`${size} bytes, ${data} of them data; made and opened in ${seconds.toFixed(1)} s`);
  assert.ok(size - data < 150_000, `${size - data} bytes besides data`);
  assert.ok(data < 2_000_000, `${data} bytes of data`);
  assert.equal(await tile(page, "succeeded"), "1,000,000");
  assert.match(await page.locator(".tasks .note").textContent(), /^Shows 10,\d\d\d of 1,000,000 tasks/);
  assert.equal(report.tasks.shown, report.tasks.task.length);
  for (const [i, task] of report.tasks.task.entries()) {
    assert.deepEqual([report.tasks.inputs[0][i], report.tasks.results[0][i]], [task + 1, task + 2]);
  }
  assert.equal(report.columns[0].mean, 500001.5);
  assertQuiet(page);
  await screenshot(page, "million-light");
});

test("what a job says is text, whatever it looks like", async (t) => {
  const scene = new Scene(t);
  const evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028";
  scene.run(["run", `${HOSTILE}:repeats`, `text:=${evil}`, "--name", "<b>bold</b>"], 1);
  const page = await openReport(scene);
  assert.match(await page.locator(".failure .what").textContent(), /<script>alert\(1\)<\/script><img src=x/);
  assert.equal(await page.locator("img, .failure script, b:has-text('bold')").count(), 0);
  assert.match(await page.locator(".facts").textContent(), /<b>bold<\/b>/);
  assert.equal(await page.evaluate(() => document.scripts.length), 3);
  assertQuiet(page);
});

test("a report on paper is light and has no controls", async (t) => {
  const scene = new Scene(t);
  scene.run(["run", `${HOSTILE}:fussy`, "x=0..20"], 1);
  const page = await openReport(scene, { colorScheme: "dark" });
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("nav button:visible, .controls:visible").count(), 0);
  assert.ok((await page.pdf()).length > 10_000);
});
