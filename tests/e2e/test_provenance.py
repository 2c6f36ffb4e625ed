"""Results that say how they came to be."""
import hashlib
import json
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
