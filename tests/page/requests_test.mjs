// What the dashboard answers to those who should not be answered.
import assert from "node:assert/strict";
import net from "node:net";
import os from "node:os";
import test from "node:test";
import { HOSTILE, Scene, ask, until } from "./jobhost.mjs";

const cookieOf = ({ port, token }) => ({ Cookie: `jobhost-${port}=${token}` });

test("nobody sees anything without the token", async (t) => {
  const scene = new Scene(t);
  const job = scene.run(["submit", "--hold", `${HOSTILE}:inc`, "x=1..10"]).trim();
  const dashboard = await scene.dashboard();
  const { port, token } = dashboard;
  assert.match(token, /^[0-9a-f]{32}$/);
  const wrong = token.replace(/./, (digit) => (digit === "0" ? "1" : "0"));
  for (const target of [
    "/",
    "/api/jobs",
    `/api/jobs/${job}`,
    `/jobs/${job}`,
    `/?token=${wrong}`,
    "/?token=",
    `/?token=${token.slice(1)}`,
    `/?token=${token}0`,
    `/api/jobs?token=${token}`,
  ]) {
    const answer = await ask(port, target);
    assert.equal(answer.status, 403, target);
    assert.equal(answer.headers["set-cookie"], undefined);
    assert.ok(!answer.text.includes(job));
  }
  assert.equal((await ask(port, "/api/jobs", { headers: { Cookie: `jobhost-${port}=${wrong}` } })).status, 403);
  assert.equal(
    (await ask(port, "/api/jobs", { headers: { Cookie: `other=1; jobhost-${port}=${token}` } })).status,
    200,
  );
  const first = await ask(port, `/?token=${token}`);
  assert.equal(first.status, 200);
  assert.match(first.headers["set-cookie"][0], /; HttpOnly; SameSite=Strict$/);
  assert.equal(first.headers["cache-control"], "no-store");
  assert.ok(!first.text.includes(token), "the token is in the page");
});

test("requests that name another host, or come from other pages, are refused", async (t) => {
  const scene = new Scene(t);
  const dashboard = await scene.dashboard();
  const { port } = dashboard,
    cookie = cookieOf(dashboard);
  const status = async (headers, how = {}) =>
    (await ask(port, "/api/jobs", { headers: { ...cookie, ...headers }, ...how })).status;
  assert.equal(await status({}), 200);
  assert.equal(await status({ Host: `localhost:${port}` }), 200);
  for (const host of ["evil.com", `evil.com:${port}`, `127.0.0.1.evil.com:${port}`, `[::1].evil.com:${port}`]) {
    assert.equal(await status({ Host: host }), 403, host);
  }
  assert.equal(await status({ Origin: `http://127.0.0.1:${port}` }), 200);
  for (const origin of ["http://evil.com", "null", `http://127.0.0.1:${port + 1}`, `https://127.0.0.1:${port}`]) {
    assert.equal(await status({ Origin: origin }), 403, origin);
  }
});

test("nothing can be changed, and with --allow-cancel nothing but that", async (t) => {
  const scene = new Scene(t);
  const job = scene.run(["submit", "--hold", `${HOSTILE}:inc`, "x=1..10"]).trim();
  const post = async (dashboard, headers, target = `/api/jobs/${job}/cancel`, method = "POST") => {
    const own = { Origin: `http://127.0.0.1:${dashboard.port}`, ...cookieOf(dashboard) };
    return (await ask(dashboard.port, target, { method, headers: { ...own, ...headers } })).status;
  };
  const looking = await scene.dashboard();
  assert.equal(await post(looking, {}), 403);
  assert.equal(scene.json("show").state, "not begun");
  const acting = await scene.dashboard("--allow-cancel");
  assert.equal(await post(acting, { Cookie: "" }), 403);
  assert.equal(await post(acting, { Origin: "http://evil.com" }), 403);
  assert.equal(await post(acting, { Origin: "" }), 403);
  for (const method of ["PUT", "DELETE", "PATCH"])
    assert.equal(await post(acting, {}, `/api/jobs/${job}`, method), 404);
  assert.equal(await post(acting, {}, "/api/jobs"), 404);
  assert.equal(await post(acting, {}, "/api/jobs/..%2f..%2fx/cancel"), 404);
  assert.equal(scene.json("show").state, "not begun");
  assert.equal(await post(acting, {}), 200);
  assert.equal(scene.json("show").state, "cancelled");
});

test("no path leads out of the store", async (t) => {
  const scene = new Scene(t);
  scene.run(["submit", "--hold", `${HOSTILE}:inc`, "x=1..10"]);
  const dashboard = await scene.dashboard();
  const targets = [
    "..",
    ".",
    "../store",
    "..%2fstore",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "../../../../etc/passwd",
    "x%00",
    ".gitignore",
    "no-such-job",
    "@last",
    "%5c..%5c..",
  ];
  for (const target of targets) {
    const answer = await ask(dashboard.port, `/api/jobs/${target}`, { headers: cookieOf(dashboard) });
    assert.equal(answer.status, 404, `${target}: ${answer.text}`);
  }
});

test("it listens to this machine alone, and ends on SIGINT", async (t) => {
  const scene = new Scene(t);
  const { child, port } = await scene.dashboard();
  const others = Object.values(os.networkInterfaces())
    .flat()
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  for (const { address } of others) {
    const reached = await new Promise((resolve) => {
      const socket = net.connect({ host: address, port, timeout: 2000 });
      socket
        .on("connect", () => resolve(true))
        .on("error", () => resolve(false))
        .on("timeout", () => resolve(false));
    });
    assert.equal(reached, false, address);
  }
  child.kill("SIGINT");
  await until(() => child.exitCode !== null, "it goes on");
  const second = new Scene(t);
  const { port: taken } = await second.dashboard();
  const refused = second.start(["dashboard", "--port", String(taken)]);
  await until(() => refused.exitCode !== null, "it shares a port");
  assert.equal(refused.exitCode, 2);
  assert.match(refused.words.err, new RegExp(`error: port ${taken} is taken`));
});
