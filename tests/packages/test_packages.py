"""The Debian packages: what lintian says of them, and what a system can do on which they are installed."""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

BUILD, SOURCE = os.environ["JOBHOST_BUILD"], os.environ["JOBHOST_SOURCE"]
HERE = os.path.dirname(os.path.abspath(__file__))


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="jobhost-packages-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for old in (*glob.glob(f"{BUILD}/*.deb"), *glob.glob(f"{BUILD}/*.tar.gz")):
            os.remove(old)
        subprocess.run(["cpack"], cwd=BUILD, check=True)
        shutil.rmtree(f"{BUILD}/_CPack_Packages")
        cls.version = re.search(r"project\(jobhost VERSION (\d+\.\d+\.\d+)", pathlib.Path(SOURCE, "CMakeLists.txt").read_text())[1]
        cls.so_version = cls.version.rpartition(".")[0]

    def packages(self):
        return sorted(glob.glob(f"{BUILD}/*.deb"))

    def in_overlay(self, folder, *command):
        """What a command says in a copy of this system that is forgotten afterwards."""
        done = subprocess.run([f"{HERE}/overlay.sh", folder, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 77:
            self.skipTest(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_lintian_finds_nothing(self):
        names = sorted(os.path.basename(path).split("_")[0] for path in self.packages())
        self.assertEqual(names, ["jobhost", "jobhost-hdf5", "libjobhost-dev", f"libjobhost{self.so_version}"])
        done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *self.packages()],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_a_system_with_the_packages(self):
        place = os.path.join(self.folder, "consumer")
        os.mkdir(place)
        for package in self.packages():
            shutil.copy(package, place)
        shutil.copytree(f"{SOURCE}/examples/05-program", f"{place}/program")
        shutil.copy(f"{HERE}/consumer.sh", place)
        self.in_overlay(place, "env", f"VERSION={self.version}", f"SO_VERSION={self.so_version}", "./consumer.sh")

    def test_each_way_of_the_manual_to_install(self):
        page = pathlib.Path(SOURCE, "docs/install.md").read_text()
        steps = {title: re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
                 for title, text in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)}
        (works,) = steps.pop("See that it works")
        self.assertEqual([*steps], ["Packages", "Archive", "CMake"])
        install, purge = steps["Packages"]
        self.assertTrue(install.startswith("(cd build/release && cpack)\n"))  # which is done already
        script = "set -eux; export HOME=/from/home; echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/yes\n"
        for way, after in ((install.partition("\n")[2], purge), (*steps["Archive"], "rm -r ~/.local"), (*steps["CMake"], "")):
            way = way.replace("build/release", os.path.relpath(BUILD, SOURCE))
            script += f"mkdir -p ~; cd {SOURCE}\n{way}\ncd ~; hash -r\n{works}\ncd; rm -r demo\n{after}\n"
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        said = self.in_overlay(empty, "bash", "-c", script)
        self.assertEqual(said.count('"result": 1.0725942072745727'), 3, said)

    def test_the_archive_works_wherever_it_is_unpacked(self):
        (archive,) = glob.glob(f"{BUILD}/*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(f"{self.folder}/un packed")
        (program,) = glob.glob(f"{self.folder}/un packed/*/bin/jobhost")
        pathlib.Path(self.folder, "f.cpp").write_text("int twice(int x) { return 2 * x; }\n")
        done = subprocess.run([program, "run", "f.cpp:twice", "x=21"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.stdout, '{"task": 0, "x": 21, "result": 42}\n', done.stderr)


if __name__ == "__main__":
    unittest.main()
