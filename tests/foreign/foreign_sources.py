#!/usr/bin/env python3
"""Puts source files that other people wrote for other purposes through add_job_kernel(), untouched.

usage: foreign_sources.py BUILD [--short] [--keep DIR]

BUILD is a build tree of jobhost. The sources come from Debian's archive through apt and are removed afterwards; --short
takes one package only. Prints what became of every file, and why functions are not kernels. Ends with 1 when a file does
not build for any other reason than that it holds no function."""
import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PACKAGES = {  # source package: where its files are, what they need, which of them
    "erfa": ("src", [], ["a2af.c", "anp.c", "anpm.c", "bp00.c", "cal2jd.c", "d2dtf.c", "dat.c", "epj.c", "era00.c",
                         "faf03.c", "gmst06.c", "seps.c"]),
    "libnova": ("src", [], ["airmass.c", "angular_separation.c", "asteroid.c", "comet.c", "dynamical_time.c",
                            "elliptic_motion.c", "heliocentric_time.c", "hyperbolic_motion.c", "julian_day.c",
                            "parabolic_motion.c", "refraction.c", "sidereal_time.c"]),
    "gsl": ("specfunc", ["GSL::gsl"], ["bessel_J0.c", "clausen.c", "dawson.c", "debye.c", "elljac.c", "erfc.c",
                                       "lambert.c", "psi.c", "../cdf/beta.c", "../cdf/chisq.c",
                                       "../cdf/fdist.c", "../cdf/gauss.c", "../cdf/tdist.c", "../cdf/weibull.c"]),
    "eigen3": ("bench", ["Eigen3::Eigen"], ["analyze-blocking-sizes.cpp", "benchmark-blocking-sizes.cpp", "eig33.cpp",
                                            "../doc/examples/function_taking_ref.cpp"]),
    "onetbb": ("examples", ["TBB::tbb"], ["test_all/fibonacci/fibonacci.cpp", "task_group/sudoku/sudoku.cpp",
                                          "parallel_pipeline/square/gen_input.cpp",
                                          "graph/binpack/binpack.cpp",
                                          "graph/dining_philosophers/dining_philosophers.cpp",
                                          "graph/logic_sim/test_all.cpp", "parallel_reduce/primes/primes.cpp",
                                          "concurrent_priority_queue/shortpath/shortpath.cpp"]),
}


def run(*words, **options):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, **options)


def fetch(folder, packages):
    """Unpacks the upstream sources of the packages, with package lists of their own."""
    sources = "".join(path.read_text() + "\n" for path in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"))
    lists = [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*.list")]
    lines = [line for path in lists if path.exists() for line in path.read_text().splitlines() if line.startswith("deb ")]
    (folder / "parts").mkdir()
    (folder / "parts/these.sources").write_text(re.sub(r"^Types:.*$", "Types: deb-src", sources, flags=re.M))
    (folder / "parts/these.list").write_text("".join(f"deb-src {line[4:]}\n" for line in lines))
    (folder / "lists/partial").mkdir(parents=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::sourceparts={folder}/parts", "-o", "Dir::Etc::sourcelist=/dev/null",
           "-o", f"Dir::State::lists={folder}/lists", "-o", "APT::Sandbox::User=root"]
    for words in (["update"], ["source", "--download-only", *packages]):
        done = run(*apt, *words, cwd=folder)
        if done.returncode != 0:
            sys.exit(f"apt-get {words[0]} failed: {done.stderr}")
    roots = {}
    for package in packages:
        roots[package] = folder / package
        roots[package].mkdir()
        archive, = (path for path in folder.glob(f"{package}_*.orig.tar.*") if not path.name.endswith(".asc"))
        run("tar", "xf", archive, "-C", roots[package], "--strip-components=1", check=True)
    return roots


def project(folder, roots):
    """One plugin per file; what a file needs of its package is a static library."""
    lines = ["cmake_minimum_required(VERSION 3.25)", "project(foreign C CXX)", "find_package(jobhost REQUIRED)",
             "find_package(GSL)", "find_package(Eigen3)", "find_package(TBB)"]
    (folder / "empty").mkdir()
    (folder / "empty/config.h").write_text(  # what ./configure would have made
        "#define HAVE_ROUND 1\n" + "".join(f"#define {name} 0\n" for name in (
            "PACKAGE_VERSION_MAJOR", "PACKAGE_VERSION_MINOR", "PACKAGE_VERSION_MICRO", "SOFA_VERSION_MAJOR")) +
        '#define PACKAGE_VERSION ""\n#define SOFA_VERSION ""\n')
    targets = {}
    for package, root in roots.items():
        where, libraries, names = PACKAGES[package]
        include = [root / where, root / "src", root, folder / "empty"]
        if package == "onetbb":
            include = [root / "examples", root / "examples/common"]
        if not libraries:
            lines += [f"file(GLOB rest {root / where}/*.c)",
                      "list(FILTER rest EXCLUDE REGEX \"/misc\\\\.c$\")",  # libnova's wants more of ./configure
                      f"add_library({package}_rest STATIC ${{rest}})",
                      f"set_target_properties({package}_rest PROPERTIES POSITION_INDEPENDENT_CODE ON)",
                      f"target_compile_definitions({package}_rest PRIVATE HAVE_CONFIG_H)",
                      f"target_include_directories({package}_rest PRIVATE {' '.join(map(str, include))})",
                      f"target_link_libraries({package}_rest PRIVATE m)"]
            libraries = [f"{package}_rest", "m"]
        for name in names:
            source = root / where / name
            target = f"{package}_{pathlib.Path(name).stem}"
            targets[target] = source
            lines += [f"add_job_kernel({target} {source} LINK {' '.join(libraries)})",
                      f"target_include_directories({target} PRIVATE {' '.join(map(str, include))})"]
    (folder / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
    return targets


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    build = options.build.resolve()
    packages = ["erfa"] if options.short else list(PACKAGES)
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="jobhost-foreign-"))
    folder.mkdir(exist_ok=True)
    try:
        targets = project(folder, fetch(folder, packages))
        digests = {source: source.read_bytes() for source in targets.values()}
        done = run("cmake", "-G", "Ninja", "-B", folder / "b", f"-DCMAKE_PREFIX_PATH={build}",
                   "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-Wno-dev", folder)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        return report(folder, build, targets, digests)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


def report(folder, build, targets, digests):
    run("cmake", "--build", folder / "b", "-j2", "--", "-k", "0")
    built = kernels = 0
    reasons, bad = collections.Counter(), []
    for target, source in targets.items():
        plugin = folder / "b" / f"{target}.so"
        if plugin.exists():
            document = json.loads(run(build / "bin/jobhost", "kernels", plugin, "--json", check=True).stdout)
            built += 1
            kernels += len(document["kernels"])
            for skipped in document["skipped"]:
                reasons[re.sub(r"parameter '.*' of type", "a parameter of type", skipped["reason"])] += 1
            print(f"{target:32} {len(document['kernels']):3} kernels, {len(document['skipped']):3} skipped")
            continue
        output = run("cmake", "--build", folder / "b", "--target", target)
        error = next((line for line in (output.stdout + output.stderr).splitlines() if "error:" in line), "no error line")
        print(f"{target:32} does not build: {error.strip()}")
        if "no top-level function" not in error:
            bad.append(target)
    print(f"\n{built} of {len(targets)} files build, {kernels} functions become kernels; skipped because:")
    for reason, count in reasons.most_common():
        print(f"  {count:4} {reason}")
    assert all(source.read_bytes() == text for source, text in digests.items()), "a source was changed"
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
