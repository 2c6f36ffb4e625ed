"""The plugins that come with jobhost against known answers, and the examples as their READMEs say."""
import json
import math
import os
import re
import shutil
import statistics
import struct
import subprocess

from jobhost import BUILD, JOBHOST, LINK_FLAGS, SOURCE, JobhostTest

PLUGINS = BUILD / "lib/jobhost"


class Plugins(JobhostTest):
    def results(self, kernel, *inputs):
        return [row["result"] for row in self.rows("run", f"{PLUGINS}/{kernel.replace(':', '.so:')}", *inputs)]

    def near(self, value, expected, tolerance=1e-9):
        self.assertTrue(math.isclose(value, expected, rel_tol=tolerance, abs_tol=tolerance), f"{value} is not {expected}")

    def array(self, name, values):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(values)},), }}".ljust(117) + "\n"
        with open(f"{self.folder}/{name}", "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.encode())
            file.write(struct.pack(f"<{len(values)}d", *values))
        return f"@{name}"

    def test_integrals(self):
        for p, result in enumerate(self.results("integration:integrate", "f:=sin(p*x)*exp(-x)", "a=0", "b=inf", "p=0..5")):
            self.near(result["value"], p / (1 + p * p))
            self.assertLess(result["error"], 1e-6)
        self.near(self.results("integration:integrate", "f:=exp(-x^2)", "a=-inf", "b=inf")[0]["value"], math.sqrt(math.pi))
        self.near(self.results("integration:integrate_singular", "f:=1/sqrt(x)", "a=0", "b=1")[0]["value"], 2)
        x = [math.sin(math.pi * i / 1000) for i in range(1001)]
        samples = self.array("y.npy", x)
        self.near(self.results("integration:simpson", "--common", f"y={samples}", f"dx={math.pi / 1000}")[0], 2, 1e-11)
        self.near(self.results("integration:trapezoid", "y=[0,1,4]", "dx=2")[0], 6)
        row = self.rows("run", f"{PLUGINS}/integration.so:integrate", "f:=sin(", "a=0", "b=1", code=1)[0]
        self.assertEqual(row["error"]["type"], "std::invalid_argument")

    def test_monte_carlo(self):
        volumes = self.results("integration:ball_volume", "dimension=3", "samples=20000", "seed=1..50")
        self.assertLess(abs(statistics.fmean(volumes) - 4 / 3 * math.pi), 5 * statistics.stdev(volumes) / math.sqrt(50))

    def test_differential_equations(self):
        for t, value in enumerate(self.results("ode:harmonic", "time=0..10")):
            self.near(value, math.cos(t), 1e-8)
        self.near(self.results("ode:van_der_pol_period", "mu=1")[0], 6.6632868593231301896996820305, 1e-6)
        self.near(self.results("ode:van_der_pol_period", "mu=0.0001")[0], 2 * math.pi, 1e-6)
        self.assertAlmostEqual(self.results("ode:lorenz_lyapunov", "rho=28", "time=1000")[0], 0.906, 1)
        point = self.results("ode:lorenz", "rho=14", "time=100")[0]  # spirals into a fixed point
        self.near(abs(point["x"]), math.sqrt(8 / 3 * 13), 1e-6)
        self.near(point["z"], 13, 1e-6)
        epidemic = self.results("ode:sir", "r0=2")[0]
        self.near(epidemic["peak_infected"], 1 - (1 + math.log(2)) / 2, 1e-3)
        final = epidemic["ever_infected"]
        self.near(final, 1 - math.exp(-2 * final), 1e-5)
        still = self.results("ode:driven_pendulum", "drive=0", "periods=10")[0]
        self.assertEqual(still, {"angle": 0, "velocity": 0})

    def test_resampling(self):
        data = [((i * 7919) % 1000) / 100 for i in range(200)]
        name = self.array("data.npy", data)
        common = ["--common", f"data={name}"]
        means = self.results("bootstrap:bootstrap_mean", *common, "seed=1..2000")
        n = len(data)
        self.assertLess(abs(statistics.fmean(means) - statistics.fmean(data)), 0.1)
        self.near(statistics.variance(means), statistics.pvariance(data) / n, 0.15)
        left = self.results("bootstrap:jackknife_mean", *common, "left_out=0..199")
        self.near((n - 1) ** 2 / n * statistics.variance(left), statistics.variance(data) / n)
        self.near(statistics.fmean(self.results("bootstrap:bootstrap_quantile", *common, "seed=1..500")),
                  statistics.median(data), 0.05)
        pair = ["--common", "x=[1,2,3,4]", "--common", "y=[3,5,7,9]", "seed=1..20"]
        for line in self.results("bootstrap:bootstrap_line", *pair):
            if line["slope"] != "NaN":
                self.near(line["slope"], 2)
                self.near(line["intercept"], 1)
        self.assertTrue(all(value == "NaN" or abs(value - 1) < 1e-12
                            for value in self.results("bootstrap:bootstrap_correlation", *pair)))
        shuffled = self.results("bootstrap:permuted_difference", "--common", "a=[1,2]", "--common", "b=[10,20]", "seed=1..500")
        sums = {round(a - (33 - a * 2) / 2, 9) for a in (1.5, 5.5, 10.5, 6, 11, 15)}
        self.assertEqual({round(value, 9) for value in shuffled}, sums)
        variances = self.results("bootstrap:bootstrap_variance", *common, "seed=1..500")
        self.near(statistics.fmean(variances), statistics.variance(data), 0.05)

    def test_files(self):
        self.write("words.txt", "one two\n three\n\nlast line without end")
        counted = subprocess.run(["wc", "-clwL", "words.txt"], cwd=self.folder, text=True, capture_output=True).stdout.split()
        text = self.results("files:text", "file=words.txt")[0]
        self.assertEqual([text["lines"], text["words"], text["bytes"], text["longest_line"]], [int(n) for n in counted[:4]])
        with open(f"{self.folder}/bytes", "wb") as file:
            file.write(bytes(range(256)) * 4)
        self.write("same", "aaaa")
        self.assertEqual(self.results("files:entropy", ":::", "bytes", "same"), [8, 0])
        self.write("t.csv", "name,x\na,1\nb,2\nc,6\n")
        column = self.results("files:column", "file=t.csv", "number=2")[0]
        self.assertEqual((column["count"], column["skipped"], column["mean"], column["minimum"], column["maximum"]),
                         (3, 1, 3, 1, 6))
        self.near(column["deviation"], statistics.stdev([1, 2, 6]))
        self.assertIn("cannot open", self.rows("run", f"{PLUGINS}/files.so:text", "file=none", code=1)[0]["error"]["what"])


class Examples(JobhostTest):
    """The commands of the READMEs, as they stand there."""

    def follow(self, example):
        folder = os.path.join(self.folder, example)
        shutil.copytree(SOURCE / "examples" / example, folder)
        for line in open(f"{folder}/README.md"):
            if line.startswith("    "):
                environment = dict(os.environ, **LINK_FLAGS, JOBHOST_STORE=self.store, CMAKE_PREFIX_PATH=str(BUILD),
                                   PATH=f"{os.path.dirname(JOBHOST)}:{os.environ['PATH']}")
                done = subprocess.run(["bash", "-c", line.strip()], cwd=folder, text=True, capture_output=True, env=environment)
                self.assertEqual(done.returncode, 0, line + done.stdout + done.stderr)
        return folder

    def test_a_sweep_is_plotted(self):
        folder = self.follow("03-sweep")
        rows = open(f"{folder}/sweep.csv").read().splitlines()
        self.assertEqual(len(rows), 1 + 111 * 30)
        self.assertEqual(rows[0], "task,drive,period,result.angle,result.velocity,error")
        with open(f"{folder}/sweep.png", "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        page = open(f"{folder}/sweep.html").read()
        document = json.loads(re.search('<script type="application/json" id="data">(.*?)</script>', page)[1])
        self.assertEqual([(heat["x"]["name"], heat["y"]["name"]) for heat in document["maps"]], [("drive", "period")])
        velocities = {}
        for row in rows[1:]:
            _, drive, _, _, velocity, _ = row.split(",")
            velocities.setdefault(drive, set()).add(round(float(velocity), 3))
        self.assertEqual(len(velocities["1.05"]), 1)  # one period
        self.assertGreater(max(map(len, velocities.values())), 20)  # chaos

    def test_a_library_is_mapped_without_source(self):
        folder = self.follow("04-library")
        rows = [line.split(",") for line in open(f"{folder}/bessel.csv").read().splitlines()[1:]]
        self.assertEqual(len(rows), 4 * 201)
        found = {(int(n), float(x)): float(value) for _, n, x, value, _ in rows}
        self.assertAlmostEqual(found[0, 1.0], 0.7651976865579666, 12)
        self.assertAlmostEqual(found[3, 20.0], -0.09890139456044678, 12)

    def test_the_first_two(self):
        for example in ("01-pi", "02-files"):
            self.follow(example)

    def test_a_program_maps_its_own_functions(self):
        folder = self.follow("05-program")
        answers = {subprocess.run([f"{folder}/b/resonance", backend], text=True, capture_output=True, cwd=folder,
                                  check=True).stdout for backend in ("processes", "threads")}
        answer, = answers
        self.assertIn("refused: no masses", answer)
        self.assertRegex(answer, r"largest amplitude \d+\.\d+ at frequency 0\.\d+")
        for backend in ("processes", "threads"):
            table = subprocess.run([f"{folder}/b/resonance_table", backend], text=True, capture_output=True, check=True)
            self.assertIn("computed here it is the same", table.stdout)

    def test_an_optimiser_finds_what_was_measured(self):
        folder = self.follow("06-optimiser")
        for backend in ("processes", "threads"):
            out = subprocess.run([f"{folder}/b/fit", backend], text=True, capture_output=True, check=True).stdout
            found = dict(zip(out.split()[::2], map(float, out.split()[1::2])))
            for name, expected, close in (("amplitude", 1.7, 0.02), ("decay", 0.13, 0.005), ("frequency", 4.2, 0.005),
                                          ("phase", 0.6, 0.02)):
                self.assertAlmostEqual(found[name], expected, delta=close, msg=out)
