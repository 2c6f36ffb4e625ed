"""Results that say how they came to be."""
import hashlib
import json
import os
import pathlib

from jobhost import HOSTILE, SETTINGS, JobhostTest


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


class Provenance(JobhostTest):
    def files(self, *words, stdin=None):
        self.run_jobhost("run", *words, "-o", "out.jsonl", stdin=stdin)
        shown = json.loads(self.run_jobhost("show", "--json").out)
        return {file["path"]: file["sha256"] for file in shown["provenance"]["files"]}

    def test_an_export_holds_what_results_says_and_how_it_came_to_be(self):
        self.write("in.csv", "x\n1\n2\n3\n")
        self.run_jobhost("run", f"{SETTINGS}:drawn", "--csv", "in.csv", "--seed", "7")
        for name in ("a.csv", "a.jsonl", "a.json"):
            self.run_jobhost("results", "-o", f"results-{name}")
            self.run_jobhost("export", "@last", name)
            self.assertEqual(self.read(name), self.read(f"results-{name}"))
        self.run_jobhost("export", "@last", "a.npy")
        document = json.loads(self.read("a.csv.provenance.json"))
        shown = json.loads(self.run_jobhost("show", "--json").out)
        manifest = json.loads(pathlib.Path(shown["directory"], "MANIFEST").read_text())
        for key in ("job", "created", "hostname", "command", "plugin", "libraries", "system_libraries", "kernel"):
            self.assertEqual(document[key], shown[key], key)
        self.assertEqual(document["plugin"]["sha256"], sha256(pathlib.Path(SETTINGS).read_bytes()))
        self.assertEqual((document["seed"], document["schema"]), (7, "jobhost/1"))
        self.assertEqual(document["files"], [{"path": "in.csv", "sha256": sha256("x\n1\n2\n3\n")}])
        self.assertRegex(document["system"], r"^Linux .*, glibc \d")
        self.assertEqual(document["context"]["working_directory"], manifest["context"]["working_directory"])
        model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), None)
        if model:
            self.assertEqual(document["processor"], model)
        self.assertIn("input       in.csv   SHA-256 " + sha256("x\n1\n2\n3\n"), self.run_jobhost("show").out)
        self.refused("export", "@last", "a.xyz", code=2)

    def test_an_export_says_whether_it_holds_all_tasks(self):
        def counts(*words, code=0):
            self.run_jobhost("export", "@last", "a.csv", *words, code=code)
            document = json.loads(self.read("a.csv.provenance.json"))
            self.assertEqual(document["rows"], self.read("a.csv").count("\n") - 1)
            return document["tasks"], document["rows"], document["complete"], document["failed"]

        self.run_jobhost("submit", "--hold", f"{HOSTILE}:fussy", "x=12..14")
        self.assertEqual(counts(), (3, 0, False, 0))
        self.run_jobhost("resume", code=1)
        self.assertEqual(counts(code=1), (3, 3, True, 1))
        for log in pathlib.Path(self.store).glob("*/logs/*/*"):
            os.truncate(log, 64)  # its header
        self.assertEqual(counts(code=5)[1:3], (0, False))
        self.assertEqual(counts("--merged", code=5)[1:3], (0, False))

    LOADING = ("#include <fstream>\n#include <string>\n#include <vector>\n"
               "double gain = 1;\nint offset = 0;\nstd::vector<std::string> parts;\n"
               "double lookup(int i) { return gain * (i + offset); }\n"
               "int first(std::string file) { int x = 0; std::ifstream(file) >> x; return x; }\n"
               "int count() { int sum = 0; for (const auto& part : parts) sum += first(part); return sum; }\n"
               "void load_table(std::string file, int times = 1) { offset = times * first(file); }\n")

    def test_what_tasks_find_set_is_shown_and_exported(self):
        self.write("f.cpp", self.LOADING + "double drawn(int i, int seed) { return i + seed % 2; }\n")
        self.write("t.csv", "5")
        words = ["run", "f.cpp:drawn", "i=0..2", "--seed", "7", "--set", "gain=2", "--set", 'parts=["a b"]', "--init",
                 "load_table file=t.csv", "--isolate-globals", "--reuse"]
        self.run_jobhost(*words)
        self.run_jobhost(*words)
        text = self.run_jobhost("show").out
        for line in ("global      gain = 2", 'global      parts = ["a b"]', "init        load_table file=t.csv",
                     "isolated    globals have captured values again before every task", "seed        7",
                     "reused      3 of 3 results are those of earlier jobs"):
            self.assertIn(line + "\n", text)
        self.assertIn("""--set 'parts=["a b"]' --init 'load_table file=t.csv' --isolate-globals --reuse\n""", text)
        shown = json.loads(self.run_jobhost("show", "--json").out)
        self.assertEqual((shown["globals"], shown["global_values"]), (["gain", "parts"], {"gain": 2, "parts": ["a b"]}))
        init = {"name": "load_table", "arguments": {"file": "t.csv"}}
        self.assertEqual((shown["init"], shown["isolate_globals"], shown["seed"], shown["reused"]), (init, True, 7, 3))
        self.run_jobhost("export", "@last", "a.csv")
        document = json.loads(self.read("a.csv.provenance.json"))
        self.assertEqual(document["globals"], [{"name": "gain", "value": 2}, {"name": "parts", "value": ["a b"]}])
        self.assertEqual((document["init"], document["isolate_globals"], document["backend"], document["notes"]),
                         (init, True, "processes", []))
        self.assertEqual(document["workers"], shown["workers"])
        self.assertIn(document["jobhost"], self.run_jobhost("--version").out)
        self.assertRegex(document["finished"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1")
        shown = json.loads(self.run_jobhost("show", "--json").out)
        for key in ("global_values", "init", "isolate_globals", "seed", "reused"):
            self.assertNotIn(key, shown)

    def test_files_that_the_initialiser_or_globals_name_belong_to_the_key(self):
        self.write("f.cpp", self.LOADING)
        self.write("t.csv", "5")
        words = ["run", "f.cpp:lookup", "i=0..2", "--init", "load_table file=t.csv", "--hash-inputs", "--reuse"]
        self.assertEqual([row["result"] for row in self.rows(*words)], [5, 6, 7])
        self.assertIn("reused 3 of 3", self.run_jobhost(*words).err)
        self.write("t.csv", "6")
        process = self.run_jobhost(*words)
        self.assertIn("nothing reused: 't.csv' has changed\n", process.err)
        self.assertEqual([json.loads(line)["result"] for line in process.out.splitlines()], [6, 7, 8])
        self.assertIn("holds is recorded only then", self.run_jobhost(*[word for word in words if word != "--hash-inputs"]).err)
        self.write("a", "1")
        self.write("b", "2")
        words = ["run", "f.cpp:count", "--set", 'parts=["a", "b"]', "--hash-inputs", "--reuse"]
        self.assertEqual(self.rows(*words)[0]["result"], 3)
        self.write("b", "3")
        self.assertEqual(self.rows(*words)[0]["result"], 4)
        self.run_jobhost("session", "save", "s.json", "@last")
        words = ["run", "f.cpp:count", "--session", "s.json", "--hash-inputs", "--reuse"]
        self.assertEqual(self.rows(*words)[0]["result"], 4)
        self.write("b", "4")
        self.assertEqual(self.rows(*words)[0]["result"], 5)

    def test_files_that_have_changed_since_are_named(self):
        self.write("f.cpp", self.LOADING)
        for name in ("d.txt", "e.txt", "t.csv"):
            self.write(name, "1")
        self.write("in.csv", "file\nd.txt\ne.txt\n")
        words = ["f.cpp:first", "--csv", "in.csv", "--init", "load_table file=t.csv", "--hash-inputs"]
        job = self.run_jobhost("submit", *words, "--hold").out.strip()
        self.run_jobhost("run", *words)
        recorded = {file["path"]: file.get("read_by") for file in
                    json.loads(self.run_jobhost("show", "--json").out)["provenance"]["files"]}
        self.assertEqual(recorded, {"in.csv": None, "d.txt": "tasks", "e.txt": "tasks", "t.csv": "every task"})
        self.assertNotIn("note:", self.run_jobhost("replay", "@last/0").err)
        self.write("in.csv", "")
        self.write("d.txt", "2")
        note = "note: 'd.txt' has changed since the job was submitted\n"
        self.assertIn(note, self.run_jobhost("replay", "@last/0").err)
        self.assertNotIn("note:", self.run_jobhost("replay", "@last/1").err)
        self.assertIn(note, self.run_jobhost("audit", "--sample", "2", code=1).err)
        self.run_jobhost("export", "@last/0", "case.tar")
        self.assertIn(note, self.run_jobhost("replay", "case.tar").err)
        self.assertNotIn("note:", self.run_jobhost("retry", "--tasks", "1").err)
        self.assertIn(note, self.run_jobhost("resume", job).err)
        said = self.run_jobhost("retry", job, "--tasks", "0").err
        self.assertIn(note, said)
        self.assertNotIn("in.csv", said)
        files = json.loads(self.run_jobhost("show", "--json").out)["provenance"]["files"]
        self.assertEqual({file["path"]: file["sha256"] for file in files},
                         {"in.csv": sha256("file\nd.txt\ne.txt\n"), "d.txt": sha256("2"), "t.csv": sha256("1")})
        os.remove(os.path.join(self.folder, "t.csv"))
        self.assertIn("note: 't.csv' can no longer be read\n", self.run_jobhost("replay", "@last/0").err)

    def test_every_file_that_inputs_came_from_has_its_digest(self):
        text = "x\n1\n2\n"
        self.write("in.tsv", text)
        self.write("in.jsonl", '{"x": 1}\n')
        self.write("five", "5")
        self.assertEqual(self.files(f"{HOSTILE}:inc", "--csv", "-", stdin=text), {"-": sha256(text)})
        self.assertEqual(self.files(f"{HOSTILE}:inc", "--tsv", "in.tsv"), {"in.tsv": sha256(text)})
        self.assertEqual(self.files(f"{HOSTILE}:inc", "--jsonl", "in.jsonl"), {"in.jsonl": sha256('{"x": 1}\n')})
        self.assertEqual(self.files(f"{HOSTILE}:inc", "--common", "x=@five"), {"five": sha256("5")})
        self.run_jobhost("run", f"{HOSTILE}:inc", "x=1..3", "-o", "rows.npy")
        array = sha256(pathlib.Path(self.folder, "rows.npy").read_bytes())
        self.assertEqual(self.files(f"{HOSTILE}:inc", "--npy", "rows.npy"), {"rows.npy": array})
        self.assertEqual(self.files(f"{HOSTILE}:inc", "x=1"), {})

    def test_files_that_values_name_are_hashed_on_demand(self):
        self.write("f.cpp", "#include <string>\nint f(std::string file, int x, std::string log) "
                            "{ return static_cast<int>(file.size() + log.size()) + x; }\n")
        self.write("a", "1")
        self.write("b", "2")
        words = ["f.cpp:f", "file=a,b,none", "x=1..1000", "log=b"]
        self.assertEqual(self.files(*words), {})
        self.assertEqual(self.files(*words, "--hash-inputs"), {"a": sha256("1"), "b": sha256("2")})
        for number in range(10_001):
            self.write(f"many-{number}", "")
        self.write("in.jsonl", "".join(f'{{"file": "many-{number}"}}\n' for number in range(10_001)))
        self.assertIn("--hash-inputs: the values name more than 10000 files", self.refused(
            "run", "f.cpp:f", "--jsonl", "in.jsonl", "x=1", "log=b", "--hash-inputs", code=2))
