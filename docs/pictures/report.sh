#!/usr/bin/env bash
# Draws report.png and sweep.png: the report of examples/03-sweep in a real browser, heat map and points. Needs the npm
# packages of the tests: ctest --preset release -R page.packages
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export JOBHOST_STORE=$work/store
"$build/bin/jobhost" run -q "$here/../../examples/03-sweep/pendulum.cpp:swing" --linspace drive=1.05:1.16:111 period=101..130 -o sweep.csv
"$build/bin/jobhost" report -q -o sweep.html
NODE_PATH=$build/tests/page/node_modules node - "$work/sweep.html" "$here" <<'END'
const { chromium } = require("playwright-core");
const [page, folder] = process.argv.slice(2);
(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  const view = await browser.newPage({ viewport: { width: 1100, height: 1055 }, colorScheme: "light" });
  await view.goto(`file://${page}`);
  await view.locator(".results select").first().selectOption({ label: "result.velocity" });
  await view.mouse.move(0, 0);
  await view.screenshot({ path: `${folder}/report.png` });
  await view.getByRole("button", { name: "Against inputs" }).click();
  await view.mouse.move(0, 0);
  await view.locator(".results").screenshot({ path: `${folder}/sweep.png` });
  await browser.close();
})();
END
