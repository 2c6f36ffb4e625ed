// The dashboard, while jobs run.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { before } from "node:test";
import { HOSTILE, Scene, openBrowser, openPage, screenshot, tile, until } from "./jobhost.mjs";

let browser;
before(async (suite) => {
  browser = await openBrowser(suite);
});

/** What was asked for besides the dashboard itself, and what the console said. */
function assertQuiet(page, { url }) {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(
    page.asked.filter((asked) => new URL(asked).host !== url.host),
    [],
  );
}

test("a job is seen running, to its end, as show has it", async (t) => {
  const scene = new Scene(t);
  const gate = path.join(scene.folder, "gate");
  const job = scene.run(["submit", `${HOSTILE}:gated`, "x=0..99", "closed=40", `file=${gate}`, "-j2"]).trim();
  const dashboard = await scene.dashboard();
  const page = await openPage(browser, dashboard.url.href);
  assert.equal(page.url(), `http://${dashboard.url.host}/`); // without the token
  await page.getByRole("link", { name: job }).click();
  await page.waitForSelector(".tiles");
  assert.match(await page.locator(".head .pill").textContent(), /^running/);
  await until(async () => (await tile(page, "succeeded")) === "40", "the page stands still");
  assert.deepEqual([await tile(page, "not done"), await tile(page, "failed")], ["60", "0"]);
  assert.match(await page.locator(".verdict .first").textContent(), /^40 of 100 tasks done so far; none failed\.$/);
  await screenshot(page, "dashboard-running");
  fs.writeFileSync(gate, "");
  await until(
    async () => (await page.locator(".head .pill").textContent()) === "done",
    "the page does not see the end",
  );
  const shown = scene.json("show", job);
  assert.deepEqual([await tile(page, "succeeded"), await tile(page, "failed")], [String(shown.done), "0"]);
  assert.match(await page.locator(".activity").textContent(), /Busy workers, of 2/);
  assertQuiet(page, dashboard);
});

test("the list has all jobs of the store, and theirs is one page", async (t) => {
  const scene = new Scene(t);
  scene.run(["run", `${HOSTILE}:fussy`, "x=0..20", "--name", "with <i>failures</i>", "-b", "threads"], 1);
  scene.run(["run", `${HOSTILE}:inc`, "x=1..1000"]);
  scene.run(["submit", "--hold", `${HOSTILE}:inc`, "x=1..10"]);
  const dashboard = await scene.dashboard();
  const page = await openPage(browser, dashboard.url.href, { colorScheme: "dark" });
  await until(async () => (await page.locator(".jobs tbody tr").count()) === 3, "the list does not come");
  const { jobs } = scene.json("ls");
  for (const [i, job] of jobs.toReversed().entries()) {
    const row = await page.locator(`.jobs tbody tr:nth-child(${i + 1})`).textContent();
    assert.ok(row.includes(job.job) && row.includes(job.kernel), row);
  }
  assert.deepEqual(await page.locator(".jobs .pill").allTextContents(), ["not begun", "done", "done, with failures"]);
  await screenshot(page, "dashboard-list-dark");
  await page.goBack();
  assertQuiet(page, dashboard);
});

test("a job is cancelled from its page where that is allowed", async (t) => {
  const scene = new Scene(t);
  const job = scene.run(["submit", `${HOSTILE}:sleeps`, "x=1..100000", "milliseconds=50"]).trim();
  const looking = await scene.dashboard();
  const only = await openPage(browser, `http://${looking.url.host}/?token=${looking.token}`);
  await only.getByRole("link", { name: job }).click();
  await only.waitForSelector(".tiles");
  assert.equal(await only.getByRole("button", { name: "Cancel job" }).count(), 0);

  const acting = await scene.dashboard("--allow-cancel");
  const page = await openPage(browser, acting.url.href);
  page.removeAllListeners("dialog");
  page.on("dialog", (dialog) => dialog.accept());
  await page.getByRole("link", { name: job }).click();
  await page.getByRole("button", { name: "Cancel job" }).click();
  await until(() => scene.json("show", job).state === "cancelled", "the job goes on");
  await until(
    async () => (await page.locator(".head .pill").textContent()) === "cancelled",
    "the page does not see it",
  );
  assertQuiet(page, acting);
});
