"""The reader in Python says of jobs what jobhost itself says, to the last bit, with NumPy and without."""
import ctypes
import importlib.util
import json
import math
import os
import pathlib
import random
import re
import shutil
import struct
import sys
import unittest

SOURCE = pathlib.Path(os.environ["JOBHOST_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/e2e"))
from jobhost import HOSTILE, VARIED, WIDE, JobhostTest  # noqa: E402

GOLDEN = SOURCE / "tests/golden/format1"
FILE = pathlib.Path(os.environ["READER"])


def load_reader(with_numpy):
    spec = importlib.util.spec_from_file_location("jobhost_reader", FILE)
    module = importlib.util.module_from_spec(spec)
    kept = sys.modules.get("numpy")
    if not with_numpy:
        sys.modules["numpy"] = None  # importing it fails
    try:
        spec.loader.exec_module(module)
    finally:
        if not with_numpy:
            del sys.modules["numpy"]
            if kept:
                sys.modules["numpy"] = kept
    return module


def spoken(value):
    """A value as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, (list, tuple)):
        return [spoken(item) for item in value]
    if isinstance(value, dict):
        return {str(key): spoken(item) for key, item in value.items()}
    return value


def same(ours, theirs, types):
    """`types`: those of the kernel. In JSON, numbers of single precision have fewer digits, and extended ones were
    rounded twice."""
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and \
            all(same(a, b, types) for a, b in zip(ours, theirs))
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and list(ours) == list(theirs) and \
            all(same(ours[key], theirs[key], types) for key in ours)
    if isinstance(ours, float) and not isinstance(theirs, (str, type(None))):
        theirs = float(theirs)
        if "f80" in types and math.isclose(ours, theirs, rel_tol=2.3e-16):
            return math.copysign(1, ours) == math.copysign(1, theirs)
        if "f32" in types and ctypes.c_float(ours).value == ours:
            theirs = ctypes.c_float(theirs).value
        return struct.pack("<d", ours) == struct.pack("<d", theirs)
    return type(ours) is type(theirs) and ours == theirs


class Reading:
    """Tests that hold with NumPy and without."""
    maxDiff = None

    def open(self, job="@last", **options):
        return self.reader.open(job, store=self.store, **options)

    def agree(self, job, lines):
        """A job's rows are what lines of JSON say."""
        rows, types = list(job.rows()), json.dumps(job.manifest["kernel"])
        theirs = [json.loads(line) for line in lines]
        self.assertEqual([row.task for row in rows], [row["task"] for row in theirs])
        for ours, row in zip(rows, theirs):
            said = {"task": ours.task, **{self.reader._column_name(name): value for name, value in ours.inputs.items()}}
            said = spoken(said)
            if ours.ok:
                said["result"] = spoken(ours.result)
            else:
                said["error"] = {key: getattr(ours.error, key) for key in ("kind", "type", "what", "where", "signal")}
                # addr2line 2.40 may name another file of the unit.
                for error in said["error"], row["error"]:
                    error["where"] = re.sub(" at .*:", " at line ", error["where"])
            self.assertTrue(same(said, row, types), f"\n{said}\n{row}")

    def read_as_jobhost(self, *words, code=0):
        process = self.run_jobhost("run", *words, "--format", "jsonl", code=code)
        job = self.open()
        self.agree(job, process.out.splitlines())
        return job

    def test_checksums(self):
        self.assertEqual(self.reader.crc32c(b"123456789"), 0xE3069283)  # of RFC 3720 and others
        self.assertEqual(self.reader.crc32c(bytes(32)), 0x8A9136AA)
        data = random.Random(1).randbytes(70_000)
        places = [(begin, begin % 3000) for begin in range(0, 60_000, 997)] + [(0, 70_000), (5, 0), (6, 3), (7, 1)]
        sums = self.reader._crc32c_of_each(data, places, 77)
        for (begin, length), checksum in zip(places, sums):
            state = 77 ^ 0xFFFFFFFF
            for byte in data[begin:begin + length]:
                state = state >> 8 ^ self.reader._TABLE[(state ^ byte) & 255]
            self.assertEqual(checksum, state ^ 0xFFFFFFFF, (begin, length))

    def test_every_type(self):
        twenty = {letter: number for number, letter in enumerate("abcdefghijklmnopqr")}
        twenty.update(point={"x": 0.1, "y": -0.0}, label="ä\n")
        for words in (
                ["add_one", "x=18446744073709551614"], ["mean", "values=[1, 2, 6]"], ["negate_it", "b=true,false"],
                ["next_color", "c=1,2"], ["shout", "s=hey,ä"], ["sum_span", "values=[0.5, 1]"],
                ["rotate_left", "a=[1, 2, 3]"], ["label", "i=7", "s=x"], ["both", "t=[1, 2.5]"],
                ["count_letters", "s=abca"],
                ["maybe", "x=-1,1"], ["nothing", "arg1=1,2"], ["anonymous", "c=-4", "u=10"],
                ["geo::flat::area(Point)", 'p={"x": 2, "y": 3}'], ["trailing", "f=0.1,nan,inf,-inf,-0.0"],
                ["precise", "x=0.1,nan,-inf,1e300"], ["precise", "x=0..1..0.1"],
                ["big", f"t={json.dumps(twenty)}", 'p={"x": 1, "y": 2}']):
            with self.subTest(words):
                self.read_as_jobhost(f"{VARIED}:{words[0]}", *words[1:])
        for words in (
                ["grow", "v=[1,2,3]", "by=10,20"], ["negate", "x=3"], ["swap_them", "a=1", "s=hi"], ["boxed", "p=4"],
                ["boxed", "p=null"], ["flip", "v=1"], ["flip", "v=2.5"], ["flip", "v:=abc"],
                ["unique_of", "v=[3,1,3,2]"],
                ["set_size", 's=["a","b"]'], ["totals", 'm={"z":1,"a":2}'], ["square", 'z={"real":1,"imag":2}'],
                ["doubled", "s=3"], ["parent", "p=/usr/include/x.h"],
                ["regrid", 'g={"n":[1,2,3],"tag":"x","m":[[1,2],[3,4]],"name":"nm","v":[9]}'],
                ["solve", "a=[[2,0],[0,4]]", "b=[2,4]"], ["inverse", "m=[[2,0],[0,4]]"],
                ["deposit", 'a={"owner":"Ada","cents":5}', "cents=3"], ["scaled", "x=3"], ["scaled", "x=3", "factor=5"],
                ["bits", "b=[true,false]"], ["mm", 'm={"1":2}'], ["unit", ":::", "3"]):
            with self.subTest(words):
                self.read_as_jobhost(f"{WIDE}:{words[0]}", *words[1:])

    def test_every_form_of_inputs(self):
        pathlib.Path(self.folder, "x.npy").write_bytes(
            b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }".ljust(117) +
            b"\n" + struct.pack("<3d", 0.5, 1.5, 2.5))
        self.write("in.csv", "x,factor\n0.1,1\n0.2,2.5\n")
        self.write("in.jsonl", '{"x": 0.1, "factor": 3}\n{"x": "Infinity", "factor": -1}\n')
        for words in (["x=1..3", "factor=1,2.5"], ["--zip", "x=1,2", "factor=3,4"], ["--csv", "in.csv"],
                      ["--jsonl", "in.jsonl"], ["x=@x.npy", "factor=0.1,0.2"], ["factor=1..2..0.1", "x=0..1..0.3"],
                      ["--linspace", "x=0:1:7", "--linspace", "factor=-1:0.3:5"], [":::", "1", "2", ":::", "3", "4"],
                      [":::", "1", "2", ":::+", "3", "4"], ["x=1,2", "--common", "factor=5"]):
            with self.subTest(words):
                self.read_as_jobhost(f"{HOSTILE}:scaled", *words)
        self.write("words.csv", "s\n" + "".join(f'"word {number} ""x"""\n' for number in range(2000)))
        self.read_as_jobhost(f"{VARIED}:shout", "--csv", "words.csv")
        shared = self.read_as_jobhost(f"{VARIED}:mean", "--common", "values=@x.npy")
        self.assertEqual((shared.parameters, list(shared.shared["values"])), ([], [0.5, 1.5, 2.5]))
        self.write("f.cpp", "#include <cstdint>\nlong f(std::int16_t n, std::int32_t seed) { return n + seed; }\n")
        self.read_as_jobhost("f.cpp:f", "n=-3..3", "--seed", "7")
        self.read_as_jobhost("f.cpp:f", "n=300..-300..-100", "--seed", "8")

    def test_failures(self):
        job = self.read_as_jobhost(f"{HOSTILE}:fussy", "x=0..250", code=1)
        self.assertEqual((len(job), job.done, job.failed, job.state), (251, 251, 4, "done"))
        self.read_as_jobhost(f"{HOSTILE}:nested", "x=1..3", code=1)
        causes = [row.error.causes for row in self.open().rows()]
        self.assertEqual(causes[0], [("std::invalid_argument", "stoi")])
        self.read_as_jobhost(f"{HOSTILE}:sleeps", "x=1", "milliseconds=0,60000", "--timeout", "0.3", "--retries", "0",
                             code=1)
        self.assertEqual([row.error and row.error.kind for row in self.open().rows()], [None, "timeout"])

    def test_columns(self):
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=10..20", code=1)
        table = self.open().table()
        self.assertEqual(list(table), ["task", "x", "result", "ok", "error", "seconds"])
        self.assertEqual(list(table["ok"]).index(False), 3)
        self.assertEqual(table["error"][3], "exception std::domain_error: unlucky 13")
        self.assertEqual(list(table["error"][:3]), ["", "", ""])
        self.assertTrue(all(0 <= seconds < 10 for seconds in table["seconds"]))
        self.run_jobhost("run", f"{WIDE}:regrid", 'g={"n":[1,2,3],"tag":"x","m":[[1,2],[3,4]],"name":"nm","v":[9]}')
        table = self.open().table()
        self.assertEqual([name for name in table if name.startswith("result")],
                         ["result.n", "result.tag", "result.m", "result.name", "result.v"])
        self.assertEqual((list(table["result.v"][0]), table["result.name"][0]), ([9], "nm"))

    def test_jobs_are_found_by_name(self):
        with self.assertRaisesRegex(self.reader.Error, "there are no jobs in the store"):
            self.open()
        names = [self.held(f"{HOSTILE}:inc", "x=1..3") for _ in range(2)]
        self.assertEqual(self.reader.jobs(self.store), names)
        found = [self.open(name).name for name in (names[0], names[0][-4:], "@last")]
        self.assertEqual(found, [names[0], names[0], names[1]])
        self.assertEqual(self.open(f"{self.store}/{names[0]}").state, "not begun")
        with self.assertRaisesRegex(self.reader.Error, "fits 2 jobs"):
            self.open("2")
        labelled = self.held(f"{HOSTILE}:inc", "x=1", "--name", "by label")
        self.assertEqual(self.open("by label").name, labelled)
        with self.assertRaisesRegex(self.reader.Error, "is not a job directory"):
            self.open("/nowhere/at-all")

    def test_a_job_that_runs_is_read_as_far_as_it_is(self):
        folder = pathlib.Path(self.folder, "made")
        folder.mkdir()
        host = self.start("run", f"{HOSTILE}:after_all", "x=0..9", "last=3", f"folder={folder}", "n=11", "-j2",
                          "--chunk", "1")
        self.wait_until(lambda: len(list(folder.iterdir())) == 10, "the tasks do not run")
        job = self.open()
        self.wait_until(lambda: job.refresh() or job.done == 9, "the results do not come")
        self.assertEqual((job.done, len(job), job.state), (9, 10, "running"))
        self.assertEqual([row.task for row in job.rows()], [0, 1, 2, 4, 5, 6, 7, 8, 9])
        self.assertEqual(list(job.table()["result"]), [0, 1, 2, 4, 5, 6, 7, 8, 9])
        again = self.open()
        self.assertEqual((again.done, again.damage), (9, []))
        (folder / "the last").touch()
        out, err = host.communicate(timeout=60)
        self.assertEqual(host.returncode, 0, err)
        self.assertEqual((job.refresh(), job.state), (1, "done"))
        self.assertEqual((again.refresh(), self.open().done), (1, 10))
        self.agree(job, out.splitlines())

    def test_a_cancelled_job(self):
        host = self.start("run", f"{HOSTILE}:sleeps", "x=0..999", "milliseconds=20", "-j2")
        self.wait_until(lambda: os.path.isdir(self.store) and self.reader.jobs(self.store), "there is no job")
        job = self.open()
        self.wait_until(lambda: job.refresh() or job.done, "nothing is computed")
        self.run_jobhost("cancel", job.name, "--now")
        host.communicate(timeout=60)
        job.refresh()
        self.assertEqual(job.state, "cancelled")
        self.assertLess(job.done, 1000)
        self.agree(job, self.run_jobhost("results", "--format", "jsonl").out.splitlines())

    def test_reused_results_and_duplicates(self):
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=0..9")
        self.read_as_jobhost(f"{HOSTILE}:inc", "x=5..19", "--reuse")
        job = self.open()
        log = job._pieces[0][3].log.path
        shutil.copy(log, log.with_suffix(".77"))
        self.assertEqual(job.refresh(), 0)
        self.assertGreater(job.duplicates, 0)
        self.agree(job, self.run_jobhost("results", "--format", "jsonl").out.splitlines())

    def test_the_first_record_of_a_task_counts(self):
        dice = random.Random(5)
        for _ in range(300):
            pieces, expected = [], {}
            for number in range(dice.randrange(12)):
                first = dice.randrange(30)
                end = first + dice.randrange(1, 9)
                pieces.append((first, end, number, None))
                for task in range(first, end):
                    expected.setdefault(task, number)
            found = {}
            for first, end, number, _ in self.reader._without_duplicates(sorted(pieces, key=lambda piece: piece[:3])):
                for task in range(first, end):
                    self.assertNotIn(task, found)
                    found[task] = number
            self.assertEqual(found, expected)

    def test_repeated_tasks_are_merged(self):
        self.write("f.cpp", "#include <cstdlib>\n#include <stdexcept>\n"
                            "int f(int x, int code) { if (x % 3 == LEFT) throw std::runtime_error(\"no\"); "
                            "return VALUE * x + 0 * code; }\n")
        text = pathlib.Path(self.folder, "f.cpp").read_text()
        for name, left, value in ("one", "1", "1"), ("two", "1 && x > 7", "2"), ("three", "9", "3"):
            self.write(f"{name}.cpp", text.replace("LEFT", left).replace("VALUE", value))
            self.run_jobhost("build", f"{name}.cpp", "-o", f"{name}.so")
        self.run_jobhost("run", "./one.so:f", "x=0..19", "code=5", code=1)
        first = self.open(merged=True)
        self.assertEqual((first.done, first.failed, len(first.jobs)), (20, 7, 1))
        self.run_jobhost("retry", "@last", "--plugin", "two.so", code=1)
        self.assertEqual((first.refresh(), first.failed, len(first.jobs)), (0, 4, 2))
        second = self.open()
        self.run_jobhost("retry", second.name, "--plugin", "three.so")
        self.run_jobhost("retry", first.jobs[0].name, "--tasks", "0,2..4,19", "--plugin", "three.so")
        first.refresh()
        for job in first, self.open(second.name, merged=True), self.open(merged=True):
            theirs = self.rows("results", second.name, "--merged")
            codes = [row.pop("code") for row in theirs]
            self.agree(job, [json.dumps(row).replace('"arg.code"', '"code"') for row in theirs])
            table = job.table()
            self.assertEqual(list(table["code"]), codes)
            self.assertEqual((len(set(codes)), list(table["arg.code"])[:2]), (3, [5, 5]))
            self.assertEqual((len(job.jobs), job.state, job.damage), (4, "done", []))
        self.assertEqual(first.jobs[0].failed, 7)
        if self.reader.numpy:
            self.assertEqual(first.grid()["result"].tolist(), [row["result"] for row in theirs])
        self.write("other.cpp", "double f(int x, int) { return x; }\n")
        self.run_jobhost("build", "other.cpp", "-o", "other.so")
        self.run_jobhost("retry", first.jobs[0].name, "--tasks", "1", "--plugin", "other.so")
        with self.assertRaisesRegex(self.reader.Error, "of different types"):
            first.refresh()

    def test_golden_jobs(self):
        for text in sorted(GOLDEN.glob("*.txt")):
            with self.subTest(text.stem):
                said = text.read_text().split("\n\n")[0].splitlines()
                job = self.reader.open(GOLDEN / text.stem, damaged="skip")
                self.agree(job, [line for line in said if line.startswith("{")])

    def one_log(self, *words):
        """A finished job of one lane, and the log that holds its results."""
        self.run_jobhost("run", *words, "-j1", "--chunk", "1")
        folder = pathlib.Path(self.store, self.job_folders()[-1])
        return folder, next((folder / "logs").glob("*/*.0.0"))

    def test_a_log_that_was_cut_off_is_read_up_to_there(self):
        folder, log = self.one_log(f"{HOSTILE}:inc", "x=0..20")
        (folder / "DONE").unlink()
        whole = log.read_bytes()
        log.write_bytes(whole[:0])
        job = self.open()
        counts = set()
        for size in [*range(0, 1000, 37), len(whole)]:
            log.write_bytes(whole[:size])
            job.refresh()
            self.assertEqual([row.task for row in job.rows()], list(range(job.done)))
            fresh = self.open()
            self.assertEqual((fresh.done, fresh.damage), (job.done, []))
            counts.add(job.done)
        self.assertEqual((max(counts), min(counts)), (21, 0))
        self.assertGreater(len(counts), 10)
        log.write_bytes(whole[:700])
        (folder / "DONE").touch()
        with self.assertRaisesRegex(self.reader.Damaged, "the logs hold 8 of 21 tasks"):
            list(self.open().rows())

    def test_what_is_damaged_is_named_and_the_rest_can_be_read(self):
        folder, log = self.one_log(f"{VARIED}:shout", "s=a,bb,ccc,dddd")
        whole = log.read_bytes()
        lost = set()
        for at in range(64, len(whole), 13):
            log.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
            job = self.open(damaged="skip")
            lost.add(4 - job.done)
            process = self.start("results", "--format", "jsonl")
            out, _ = process.communicate(timeout=60)
            self.agree(job, out.splitlines())
            if job.done == 4:
                continue
            self.assertEqual(process.returncode, 5)
            with self.assertRaises(self.reader.Damaged) as caught:
                self.open().table()
            self.assertIn(str(log), str(caught.exception))
            self.assertLessEqual(caught.exception.offset, at)
            self.assertLess(at - caught.exception.offset, 200)
        self.assertEqual(lost, {1})

    def test_what_is_salvaged_is_what_jobhost_salvages(self):
        folder, log = self.one_log(f"{VARIED}:shout", "s=a,bb,ccc,dddd,eeeee,ffffff,ggggggg,hhhhhhhh")
        whole, dice, done = log.read_bytes(), random.Random(7), set()

        def changed(data):
            at = dice.randrange(len(data))
            size = dice.choice((1, 8, 40, 64, 128))
            part = bytes(dice.randrange(256) for _ in range(size))
            return dice.choice((data[:at] + part + data[at + size:],                     # other bytes
                                data[:at] + bytes(size) + data[at + size:],              # zeros, as after a power cut
                                data[:at] + data[at + size:],                            # bytes that are gone
                                data[:at] + part + data[at:],                            # and too many of them
                                data[:at] + data[at & ~7:at + 200 & ~7] + data[at:],     # some twice
                                data[:at]))                                              # cut off
        for round in range(60):
            data = whole
            for _ in range(dice.choice((1, 1, 2, 4))):
                data = changed(data) or b"?"
            log.write_bytes(data)
            with self.subTest(round=round):
                job = self.open(damaged="skip")
                process = self.start("results", "--format", "jsonl")
                out, err = process.communicate(timeout=60)
                self.assertIn(process.returncode, (0, 5), err)
                self.agree(job, out.splitlines())
                done.add(job.done)
        self.assertGreater(len(done), 4)

    def test_one_wrong_bit_of_a_logs_header_loses_nothing(self):
        _, log = self.one_log(f"{HOSTILE}:inc", "x=0..3")
        whole = log.read_bytes()
        for at in (0, 9, 45, 61):
            log.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
            self.assertEqual(self.open().done, 4)
        log.write_bytes(bytes([0xFF] * 9) + whole[9:])
        with self.assertRaisesRegex(self.reader.Damaged, "at byte 0: no header of a log of this job"):
            list(self.open().rows())

    def test_damaged_inputs_and_manifests(self):
        self.write("in.csv", "x\n1\n2\n3\n")
        self.run_jobhost("run", f"{HOSTILE}:inc", "--csv", "in.csv")
        folder = pathlib.Path(self.store, self.job_folders()[-1])
        pack = folder / "inputs/0000"
        whole = pack.read_bytes()
        pack.chmod(0o600)
        for at in (0, 17, len(whole) - 60, len(whole) - 12):
            pack.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            with self.assertRaisesRegex(self.reader.Damaged, "inputs/0000' is damaged at byte"):
                list(self.open().rows())
        manifest = folder / "MANIFEST"
        manifest.chmod(0o600)
        manifest.write_text(manifest.read_text().replace('"tasks": 3', '"tasks": 2'))
        with self.assertRaisesRegex(self.reader.Damaged, "it does not match its digest"):
            self.open()


class WithoutNumpy(Reading, JobhostTest):
    reader = load_reader(False)

    def test_columns_are_lists_and_grids_are_refused(self):
        self.assertIsNone(self.reader.numpy)
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1,2", "factor=3,4")
        job = self.open()
        self.assertEqual(job.table()["result"], [3.0, 4.0, 6.0, 8.0])
        with self.assertRaisesRegex(self.reader.Error, "grids need NumPy"):
            job.grid()


class WithNumpy(Reading, JobhostTest):
    reader = load_reader(True)

    def test_columns_are_those_of_npy_files_to_the_bit(self):
        import numpy
        self.write("in.csv", "x,factor\n0.1,1\n0.2,2.5\n")
        self.write("f.cpp", "#include <cstdint>\nstruct R { double a; struct { float b; std::int8_t c; } in; };\n"
                            "R f(std::int16_t n, std::int32_t seed, long double l) {\n"
                            "  return {n / 3.0, {seed / 7.0f, static_cast<std::int8_t>(n)}};\n}\n")
        for words in ([f"{HOSTILE}:scaled", "x=0..1..0.01", "factor=1..9..0.7"],
                      [f"{HOSTILE}:scaled", "--csv", "in.csv"], ["f.cpp:f", "n=-3..3", "--seed", "7", "l=0..1..0.1"],
                      ["f.cpp:f", "n=5..-300..-7", "--seed", "8", "l=1"],
                      [f"{VARIED}:precise", "--linspace", "x=0:1:11"], [f"{HOSTILE}:inc", "x=0..99999"]):
            with self.subTest(words):
                self.run_jobhost("run", *words, "-o", "out.npy")
                table, array = self.open().table(), numpy.load(f"{self.folder}/out.npy")
                for name in array.dtype.names:
                    self.assertEqual(table[name].dtype, array[name].dtype, name)
                    if array[name].dtype != numpy.longdouble:  # which has six bytes that mean nothing
                        self.assertEqual(table[name].tobytes(), array[name].tobytes(), name)
                    numpy.testing.assert_array_equal(table[name], array[name], name)

    def test_grids(self):
        import numpy
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1..3", "--linspace", "factor=0:1:5")
        grid = self.open().grid()
        self.assertEqual((list(grid.axes), grid.shape), (["x", "factor"], (3, 5)))
        numpy.testing.assert_array_equal(grid["result"], numpy.outer([1, 2, 3], numpy.linspace(0, 1, 5)))
        self.run_jobhost("run", f"{HOSTILE}:scaled", "factor=2", ":::", "1", "2", "3")
        grid = self.open().grid()
        self.assertEqual((list(grid.axes), grid.fixed), (["x"], {"factor": 2.0}))
        self.run_jobhost("run", f"{HOSTILE}:scaled", "--zip", "x=1,2", "factor=3,4")
        grid = self.open().grid()
        self.assertEqual((list(grid.axes), list(grid.along)), (["x"], ["factor"]))
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1,2", "--repeat", "3")
        grid = self.open().grid()
        self.assertEqual((list(grid.axes), grid["result"].tolist()), (["x", "repeat"], [[2, 2, 2], [3, 3, 3]]))
        self.run_jobhost("run", f"{HOSTILE}:fussy", "x=12..14", code=1)
        result = self.open().grid()["result"]
        self.assertEqual((result[0], result[2], bool(numpy.isnan(result[1]))), (24, 28, True))

    def test_a_grid_of_one_point(self):
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=2", "factor=3")
        grid = self.open().grid()
        self.assertEqual((grid.shape, float(grid["result"]), grid.fixed), ((), 6, {"x": 2, "factor": 3.0}))
        self.assertEqual(float(grid.to_xarray()["result"]), 6)

    def test_large_whole_numbers_of_a_grid_keep_their_digits(self):
        self.write("f.cpp", "#include <cstdint>\n#include <stdexcept>\nstd::int64_t f(int n) {\n"
                            "  if (n == 2) throw std::runtime_error(\"two\");\n  return (1LL << 53) + n;\n}\n")
        self.run_jobhost("run", "f.cpp:f", "n=1..3", code=1)
        grid = self.open().grid()
        self.assertEqual((grid["result"].tolist(), grid.status.tolist()), ([2**53 + 1, 0, 2**53 + 3], [0, 1, 0]))
        self.assertEqual(grid.to_xarray()["status"].values.tolist(), [0, 1, 0])

    def test_arrays_in_a_grid_are_further_dimensions(self):
        self.write("f.cpp", "#include <array>\n#include <stdexcept>\n#include <vector>\n"
                            "std::array<std::array<int, 3>, 2> fixed(int n) { return {{{n}, {0, n}}}; }\n"
                            "std::vector<double> several(int n, int size) {\n"
                            "  if (n == 2) throw std::runtime_error(\"two\");\n"
                            "  return std::vector<double>(static_cast<std::size_t>(size), n);\n}\n")
        self.run_jobhost("run", "f.cpp:fixed", "n=1..2")
        data = self.open().grid().to_xarray()
        self.assertEqual((data["result"].dims, data["result"].shape), (("n", "result_0", "result_1"), (2, 2, 3)))
        self.run_jobhost("run", "f.cpp:several", "n=1..3", "size=4", code=1)
        data = self.open().grid().to_xarray()
        self.assertEqual((data["result"].dims, data["result"].shape), (("n", "result_0"), (3, 4)))
        self.assertEqual(str(data["result"][:, 3].values.tolist()), "[1.0, nan, 3.0]")
        self.run_jobhost("run", "f.cpp:several", "n=1,3", "size=4,5")
        data = self.open().grid().to_xarray()
        self.assertEqual((data["result"].dims, data["result"].values[1, 0]), (("n", "size"), [3.0] * 4))
        self.assertIn("[1.0, 1.0, 1.0, 1.0]", str(data))

    def test_grids_in_xarray_and_tables_in_pandas(self):
        self.run_jobhost("run", f"{HOSTILE}:scaled", "x=1..3", "factor=10,20")
        data = self.open().grid().to_xarray()
        self.assertEqual(data["result"].dims, ("x", "factor"))
        self.assertEqual(float(data["result"].sel(x=2, factor=20)), 40)
        frame = self.open().to_pandas()
        self.assertEqual(list(frame[frame.x == 3].result), [30, 60])

    def test_many_results_are_fast_to_read(self):
        import time
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=0..999999", "--format", "csv", "-o", "out.csv")
        begin = time.monotonic()
        table = self.open().table()
        seconds = time.monotonic() - begin
        self.assertEqual(int(table["result"].sum()), sum(range(1, 1_000_001)))
        self.assertLess(seconds, 10)  # 0.4 s where nothing else runs


if __name__ == "__main__":
    unittest.main()
