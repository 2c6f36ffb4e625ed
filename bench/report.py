#!/usr/bin/env python3
"""Reports of a large job: size, time and memory to make them, time until Chromium shows them.

usage: report.py [JOBHOST] [--side N] [--rounds N]

The job has a grid of N x N tasks (1000: a million), of which every thousandth throws. The npm packages of tests/page
must be installed in the build directory: ctest --preset release -R page.packages."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL = """#include <cmath>
#include <stdexcept>
// The task's number is N*x + y.
double wave(int x, int y, int n) {
  if ((x * n + y) % 1000 == 13) throw std::domain_error("unlucky " + std::to_string(x * n + y));
  return std::sin(x * 0.01) * std::cos(y * 0.02) + 2;
}
"""
LOAD = """
const { chromium } = require("playwright-core");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))));
(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const times = [];
  for (let round = 0; round < Number(process.argv[3]); ++round) {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    await page.goto(`file://${process.argv[2]}`);
    times.push(await page.evaluate(drawn));
    await page.close();
  }
  console.log(JSON.stringify(times));
  await browser.close();
})();
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobhost", nargs="?", default=str(ROOT / "build/release/bin/jobhost"))
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    jobhost, quiet = os.path.abspath(options.jobhost), subprocess.DEVNULL
    packages = pathlib.Path(jobhost).parents[1] / "tests/page"
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "wave.cpp").write_text(KERNEL, encoding="utf-8")

        def run(*words):
            """Seconds, and the MiB that the process had resident at most."""
            begin = time.monotonic()
            process = subprocess.Popen([jobhost, *words], cwd=folder, stdout=quiet, stderr=quiet)
            _, _, used = os.wait4(process.pid, 0)
            return time.monotonic() - begin, used.ru_maxrss / 1024

        last = options.side - 1
        run("build", "wave.cpp", "-o", "wave.so")
        seconds, _ = run("run", "./wave.so:wave", f"x=0..{last}", f"y=0..{last}", f"n={options.side}", "-o", "all.npy")
        print(f"job         {seconds:.2f} s")
        show = subprocess.run([jobhost, "show", "--json"], cwd=folder, capture_output=True, check=True)
        shown = json.loads(show.stdout)
        print(f"tasks       {shown['done']}, {shown['failed']} failed")
        rounds = [run("report", "-o", "report.html") for _ in range(options.rounds)]
        seconds = statistics.median(seconds for seconds, _ in rounds)
        print(f"report      {seconds:.2f} s, {rounds[0][1]:.0f} MiB of memory")
        page = pathlib.Path(folder, "report.html")
        data = page.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0]
        print(f"size        {page.stat().st_size} bytes, {len(data.encode())} of them data")
        environment = dict(os.environ, NODE_PATH=str(packages / "node_modules"))
        loaded = subprocess.run(["node", "-e", LOAD, "--", "", str(page), str(options.rounds)], env=environment,
                                capture_output=True, text=True, check=True).stdout
        print(f"in Chromium {statistics.median(json.loads(loaded)) / 1000:.2f} s until it is drawn")


if __name__ == "__main__":
    main()
