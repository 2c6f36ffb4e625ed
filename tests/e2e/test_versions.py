"""Plugins and programs of one version meet another: they work as they did, or are refused in a sentence that names both.

tests/golden/abi1 holds the headers of the version that ABI 1 was frozen with, and what its jobhost-scan made of kernels.cpp;
the golden jobs hold plugins as they were built then."""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess

from jobhost import BUILD, LINK_FLAGS, SOURCE, JobhostTest

ABI1 = SOURCE / "tests/golden/abi1"
GOLDEN = SOURCE / "tests/golden/format1"
# As add_job_kernel() compiles, but faster.
FLAGS = ["-std=c++20", "-O1", "-g1", "-fPIC", "-fno-gnu-unique", "-shared", "-Wl,--build-id", "-Wl,-z,defs", "-Wl,-Bsymbolic"]
EVERYTHING = {"flag": True, "letter": "c", "small": -8, "large": 2**64 - 1, "single": 0.5, "extended": 1.25, "text": "tä",
              "color": 1, "points": [{"x": 1.5, "label": None}, {"x": -2.0, "label": 3}], "pair": [4, 5],
              "counts": {"a": 1, "b": 2}, "pointer": 7, "either": "word", "both": [1, 2.5], "z": {"real": 1.0, "imag": -1.0}}


class Versions(JobhostTest):
    def compile(self, *words):
        done = subprocess.run(["g++", *map(str, words)], cwd=self.folder, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def plugin_of(self, name, headers, source=None):
        self.compile(*FLAGS, f"-I{headers}", source or ABI1 / "glue.cpp", f"-I{ABI1}", f"-Wl,--version-script={ABI1}/exports",
                     "-o", name)

    def test_a_plugin_of_the_frozen_headers_does_what_it_did(self):
        self.plugin_of("old.so", ABI1 / "include")
        self.assertEqual(json.loads(self.run_jobhost("check", "old.so", "--json").out)["abi"], 1)
        self.write("in.jsonl", json.dumps({"value": EVERYTHING}) + "\n")
        for backend in ("processes", "threads"):
            with self.subTest(backend):
                run = lambda kernel, *words, code=0: self.rows("run", f"old.so:{kernel}", *words, "-b", backend, "-j2", code=code)
                self.assertEqual(run("same", "--jsonl", "in.jsonl")[0]["result"], EVERYTHING)
                self.assertEqual([row["result"] for row in run("scaled", "x=1..3", "--set", "alpha=0.5")], [5, 10, 15])
                self.assertEqual([row["result"] for row in run("scaled", "x=1..3", "factor=0.25")], [0.5, 1, 1.5])
                self.assertEqual(run("joined", "word=a", "bytes=[1,255]", "end=z")[0]["result"], "a1255z")
                self.assertEqual(run("doubled", "values=[1,2]", "sum=10")[0]["result"], {"values": [2, 4], "sum": 16})
                rows = run("fussy", "x=12..14", code=1)
                self.assertEqual(rows[0]["result"], 12)
                self.assertEqual([row["error"]["type"] for row in rows[1:]], ["std::runtime_error", "int"])
                self.assertIn("kernels.cpp", rows[1]["error"]["where"])
                self.assertIn("caused by std::domain_error: unlucky", self.run_jobhost("show", "@last/1").out)
        words = self.rows("run", "old.so:next_word", ":::", "b", "c", "-j1", "--isolate-globals", "--set", 'words=["x"]')
        self.assertEqual([row["result"] for row in words], ["xb", "xc"])
        self.assertEqual(self.rows("run", "old.so:scaled", "x=0..99999", "--reduce", "sum", "--format", "jsonl")[0]["sum"],
                         20 * 99999 * 100000 / 2)

    def test_a_program_of_the_frozen_headers_does_what_it_did(self):
        library = next(path.parent for path in BUILD.glob("lib*/**/libjobhost.so"))
        include = f"-I{ABI1}/include"
        self.compile(*FLAGS, include, ABI1 / "program.cpp", ABI1 / "program_module.cpp", ABI1 / "origin.cpp", "-o", "program.so")
        self.compile("-Wl,--no-as-needed", *LINK_FLAGS.values(), ABI1 / "program_stub.cpp", f"{self.folder}/program.so",
                     library / "libjobhost.so", f"-Wl,-rpath,{self.folder}:{library}", "-o", "program")
        needed = subprocess.run(["readelf", "-d", "program"], cwd=self.folder, text=True, capture_output=True, check=True).stdout
        self.assertIn("[libjobhost.so.0.1]", needed)
        for backend in ("processes", "threads"):
            done = subprocess.run(["./program", backend], cwd=self.folder, text=True, capture_output=True, timeout=120)
            self.assertEqual(done.stdout, "map 504500\nuimap 6\npipe 7 is odd\noutcomes 500\npool 42 5\nmap_reduce 499500\n",
                             done.stderr)
        # The loader knows of which libjobhost a program is: one of another minor version does not take its place.
        code = pathlib.Path(self.folder, "program").read_bytes()
        pathlib.Path(self.folder, "program").write_bytes(code.replace(b"libjobhost.so.0.1", b"libjobhost.so.0.9"))
        done = subprocess.run(["./program", "threads"], cwd=self.folder, text=True, capture_output=True)
        self.assertEqual(done.returncode, 127)
        self.assertIn("libjobhost.so.0.9: cannot open shared object file", done.stderr)

    def test_golden_plugins_run_as_they_were_built(self):
        manifest = json.loads((GOLDEN / "fixed/MANIFEST").read_text())
        shutil.copy(GOLDEN / "fixed/blob" / manifest["plugin"]["sha256"], f"{self.folder}/kernels.so")
        self.assertEqual(self.rows("run", "kernels.so:inc", "x=41")[0]["result"], 42)
        mixed = self.rows("run", "kernels.so:mix", "a=2", "b=0.5", "c=1", "seed=9", "--set", "offset=100")
        self.assertEqual(mixed[0]["result"], {"x": 102.0, "label": 9})
        self.assertEqual(self.rows("run", "kernels.so:repeat", "word=ä", "times=2")[0]["result"], ["ä", "ä"])

    def next_abi(self):
        """Headers of an ABI that does not exist yet."""
        headers = pathlib.Path(self.folder, "next")
        shutil.copytree(ABI1 / "include", headers)
        for name, old, new in (("abi.h", "JOBHOST_ABI 1", "JOBHOST_ABI 2"), ("version.h", '"0.1.0"', '"7.8.9"')):
            path = headers / "jobhost/sdk" / name
            text = path.read_text()
            self.assertEqual(text.count(old), 1)
            path.write_text(text.replace(old, new))
        return headers

    def test_a_plugin_of_the_next_abi_is_refused_in_a_sentence(self):
        self.plugin_of("new.so", self.next_abi())
        here = self.run_jobhost("--version").out.split()[1]
        sentence = f"'new.so' was built for plugin ABI 2 by jobhost 7.8.9; this is jobhost {here}, of plugin ABI 1"
        for words in (["run", "new.so:scaled", "x=1"], ["submit", "new.so:scaled", "x=1"], ["kernels", "new.so"],
                      ["session", "save", "f.session", "new.so"]):
            message = self.refused(*words, code=3)
            self.assertIn(sentence, message)
            self.assertIn("rebuild it with this jobhost, or use jobhost 7.8.9", message)
        checked = self.run_jobhost("check", "new.so", code=3)
        self.assertIn(f"problem: {sentence}\n", checked.out)
        self.assertIn("rebuild it with this jobhost", checked.err)

    def patched(self, name, *changes):
        """The plugin with other words of the same length in its schema."""
        path = pathlib.Path(self.folder, name)
        code = path.read_bytes()
        for old, new in changes:
            self.assertIn(old, code)
            self.assertEqual(len(old), len(new))
            code = code.replace(old, new)
        path.write_bytes(code)

    def test_a_schema_in_words_of_the_future_is_refused_all_the_same(self):
        self.write("f.cpp", "int f(int x) { return x; }\n")
        self.run_jobhost("build", "f.cpp", "-o", "f.so")
        here = self.run_jobhost("--version").out.split()[1].encode()
        # A kind of type that this version does not know, in the same ABI.
        self.patched("f.so", (b'"jobhost":"' + here, b'"jobhost":"' + re.sub(rb"\d", b"7", here)), (b'"type":"i32"', b'"type":"q32"'))
        message = self.refused("run", "f.so:f", "x=1", code=3)
        self.assertIn("'f.so' was built by jobhost 7.7.7, and this jobhost, "
                      f"{here.decode()}, cannot read its schema: unknown type 'q32'", message)
        self.assertIn("rebuild it with this jobhost, or use jobhost 7.7.7", message)
        # In another ABI nothing else has to be as it is here.
        self.patched("f.so", (b'{"abi":1', b'{"abi":2'), (b'"kernels":', b'"Kernels":'))
        self.assertIn("was built for plugin ABI 2 by jobhost 7.7.7", self.refused("run", "f.so:f", "x=1", code=3))

    def test_a_worker_refuses_code_of_another_abi_before_it_loads_it(self):
        self.write("f.cpp", "int f(int x) { return x; }\n")
        job = self.run_jobhost("submit", "--hold", "f.cpp:f", "x=1..3").out.strip()
        folder = pathlib.Path(self.store, job)
        manifest = json.loads((folder / "MANIFEST").read_text())
        blob = folder / "blob" / manifest["plugin"]["sha256"]
        code = blob.read_bytes().replace(b'{"abi":1', b'{"abi":2')
        digest = hashlib.sha256(code).hexdigest()
        blob.unlink()
        (folder / "blob" / digest).write_bytes(code)
        (folder / "MANIFEST").chmod(0o600)
        text = (folder / "MANIFEST").read_text().replace(manifest["plugin"]["sha256"], digest)
        (folder / "MANIFEST").write_text(text)
        worker = self.start_worker(job, "other")
        err = worker.communicate(timeout=60)[1]
        self.assertEqual(worker.returncode, 3, err)
        self.assertIn("was built for plugin ABI 2 by jobhost", err)
