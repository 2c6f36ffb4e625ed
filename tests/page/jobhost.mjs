// The real jobhost and a real Chromium, for tests of what the browser shows.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const { JOBHOST, HOSTILE, VARIED, PAGE_PACKAGES, SCREENSHOTS } = process.env;
export { HOSTILE, VARIED };
const PATIENCE = Number(process.env.PATIENCE ?? 1); // how many times as long as usual everything may take
const { chromium } = createRequire(path.join(PAGE_PACKAGES, "/"))("playwright-core");
fs.mkdirSync(SCREENSHOTS, { recursive: true });

/** A folder with a store of its own, removed when the test ends. */
export class Scene {
  constructor(test) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "jobhost-page-"));
    this.children = [];
    test.after(async () => {
      for (const child of this.children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await ended;
      }
      fs.rmSync(this.folder, { recursive: true, force: true });
    });
  }

  get store() {
    return path.join(this.folder, "store");
  }

  get how() {
    return { cwd: this.folder, env: { ...process.env, JOBHOST_STORE: this.store }, encoding: "utf8" };
  }

  /** Standard output of a command that is to end with this code. */
  run(words, code = 0) {
    try {
      const out = execFileSync(JOBHOST, words, { ...this.how, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
      assert.equal(0, code, `${words.join(" ")} ended with 0`);
      return out;
    } catch (error) {
      if (error.status !== code) throw error;
      return error.stdout;
    }
  }

  json(...words) {
    return JSON.parse(this.run([...words, "--json"]));
  }

  start(words) {
    const child = spawn(JOBHOST, words, { ...this.how, stdio: ["ignore", "pipe", "pipe"] });
    child.words = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text) => {
      child.words.out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      child.words.err += text;
    });
    this.children.push(child);
    return child;
  }

  /** Starts a dashboard; resolves to its process, the URL it printed, and the token in it. */
  async dashboard(...words) {
    const child = this.start(["dashboard", ...words]);
    await until(() => child.words.out.includes("\n") || child.exitCode !== null, "the dashboard prints no URL");
    const url = new URL(child.words.out.trim());
    return { child, url, port: Number(url.port), token: url.searchParams.get("token") };
  }
}

/** Waits for a condition, which may be a promise. */
export async function until(condition, what, seconds = 60) {
  const deadline = Date.now() + PATIENCE * seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(what);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/** One browser for the tests of a file. */
export async function openBrowser(test) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  test.after(() => browser.close());
  return browser;
}

/** A page whose complaints and requests are kept: `page.complaints`, `page.asked` (URLs). */
export async function openPage(browser, url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
  page.setDefaultTimeout(PATIENCE * 30000);
  page.complaints = [];
  page.asked = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(error.stack));
  page.on("dialog", (dialog) => {
    page.complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) page.asked.push(request.url());
  });
  await page.goto(url);
  await page.waitForSelector("h1");
  return page;
}

export async function screenshot(page, name) {
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** The value of a tile of the verdict. */
export async function tile(page, name) {
  return page
    .locator(".tiles div", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) })
    .locator("dd")
    .textContent();
}

/** An answer to a request that no browser would send. */
export function ask(port, target, { method = "GET", headers = {}, body = "" } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: "127.0.0.1", port, path: target, method, headers: { Host: `127.0.0.1:${port}`, ...headers } },
      (answer) => {
        let text = "";
        answer
          .setEncoding("utf8")
          .on("data", (part) => {
            text += part;
          })
          .on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
