// Maps on the ranks of MPI, in a store that they see.
#include <catch2/catch.hpp>
#include <numeric>

#include "jobhost/jobhost.hpp"
#include "support/temporary_directory.hpp"

namespace {

double halved(int x) {
  if (x == 77) throw std::domain_error("unlucky");
  return x / 2.0;
}

jobhost::Options on(const std::string& launcher, const std::string& store) {
  return {.backend = "mpi", .backend_options = {"mpirun=" + launcher}, .workers = 4, .store = store};
}

}  // namespace

TEST_CASE("a map on ranks of MPI gives what processes give") {
  jobhost::test::TemporaryDirectory folder;
  std::vector<int> inputs(500);
  std::iota(inputs.begin(), inputs.end(), 100);
  for (const std::string launcher : {"mpirun.openmpi", "mpirun.mpich"}) {
    INFO(launcher);
    const auto options = on(launcher, folder / launcher);
    CHECK(jobhost::map(options, halved, inputs).to_vector() == jobhost::map(halved, inputs).to_vector());
    CHECK_THROWS_WITH(jobhost::map(options, halved, std::vector{76, 77}).to_vector(), Catch::Contains("unlucky"));
  }
}

TEST_CASE("a job that was submitted to ranks of MPI is read by attaching to it") {
  jobhost::test::TemporaryDirectory folder;
  const std::vector<int> inputs = {1, 2, 3};
  for (const std::string launcher : {"mpirun.openmpi", "mpirun.mpich"}) {
    INFO(launcher);
    const std::string store = folder / launcher;
    const std::string job = jobhost::submit(on(launcher, store), halved, inputs);
    CHECK(jobhost::attach<double>(job, store).to_vector() == std::vector{0.5, 1.0, 1.5});
  }
}

TEST_CASE("what a map on ranks of MPI cannot do is said") {
  jobhost::test::TemporaryDirectory folder;
  const std::vector<int> inputs = {1, 2, 3};
  const auto map = [&](const jobhost::Options& options) { jobhost::map(options, halved, inputs).to_vector(); };
  CHECK_THROWS_WITH(map({.backend = "mpi", .workers = 2}), Catch::Contains("map without a store"));
  CHECK_THROWS_WITH(map({.backend = "mpi", .store = folder / "store"}), Catch::Contains("Options::workers"));
  CHECK_THROWS_WITH(map({.backend_options = {"wdir=/"}}), Catch::Contains("takes no Options::backend_options"));
  CHECK_THROWS_WITH(map(on("nowhere", folder / "store")), Catch::Contains("no program 'nowhere' in PATH"));
  CHECK_THROWS_AS(jobhost::Pool({.backend = "mpi", .workers = 2}), std::invalid_argument);
}
