// A master and its workers over MPI, as one would write them by hand. Rank 0 deals out ranges of tasks and collects
// their results in order; the others compute. Prints seconds from the first send to the last result.
//   mpirun -n 3 mpi_loop inc N BATCH    i -> i+1
//   mpirun -n 3 mpi_loop spin N BATCH   13 us each
//   mpirun -n 3 mpi_loop large N        1 MB results
//   mpirun -n 2 mpi_loop call N         one call after another, with -n 3 to the workers in turn: median seconds
//   mpirun -n 3 mpi_loop fussy N BATCH  1 % throw; a status per task
//   mpirun -n 3 mpi_loop common N       100 MB broadcast, then N tasks that read it
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "../work.hpp"

namespace {

constexpr int kWork = 1, kStop = 2;

struct Range {
  std::uint64_t first, count;
};

/// Deals out [0, n) in ranges of `batch`; Run fills so many results.
template <class Result, class Run>
double master_and_workers(std::uint64_t n, std::uint64_t batch, const Run& run) {
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank != 0) {
    std::vector<Result> results(batch);
    for (;;) {
      Range range;
      MPI_Status status;
      MPI_Recv(&range, sizeof range, MPI_BYTE, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
      if (status.MPI_TAG == kStop) return 0;
      run(range.first, range.count, results.data());
      MPI_Send(results.data(), static_cast<int>(range.count * sizeof(Result)), MPI_BYTE, 0, kWork, MPI_COMM_WORLD);
    }
  }
  const double begin = MPI_Wtime();
  std::vector<Result> all(n);
  std::vector<Range> held(static_cast<std::size_t>(size));
  std::uint64_t next = 0, done = 0;
  const auto deal = [&](int worker) {
    Range range{next, std::min(batch, n - next)};
    next += range.count;
    held[static_cast<std::size_t>(worker)] = range;
    MPI_Send(&range, sizeof range, MPI_BYTE, worker, kWork, MPI_COMM_WORLD);
  };
  for (int worker = 1; worker < size && next < n; ++worker) deal(worker);
  while (done < n) {
    MPI_Status status;
    MPI_Probe(MPI_ANY_SOURCE, kWork, MPI_COMM_WORLD, &status);
    const Range range = held[static_cast<std::size_t>(status.MPI_SOURCE)];
    MPI_Recv(all.data() + range.first, static_cast<int>(range.count * sizeof(Result)), MPI_BYTE, status.MPI_SOURCE,
             kWork, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    done += range.count;
    if (next < n) deal(status.MPI_SOURCE);
  }
  const double seconds = MPI_Wtime() - begin;
  for (int worker = 1; worker < size; ++worker) MPI_Send(nullptr, 0, MPI_BYTE, worker, kStop, MPI_COMM_WORLD);
  return seconds;
}

/// 1 MB results, received one by one into memory that is used again.
double large_results(std::uint64_t n) {
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Barrier(MPI_COMM_WORLD);
  std::vector<double> result(work::kLarge);
  const std::uint64_t workers = static_cast<std::uint64_t>(size - 1);
  if (rank != 0) {
    for (std::uint64_t i = static_cast<std::uint64_t>(rank) - 1; i < n; i += workers) {
      result = work::large(i);
      MPI_Send(result.data(), static_cast<int>(result.size()), MPI_DOUBLE, 0, kWork, MPI_COMM_WORLD);
    }
    return 0;
  }
  const double begin = MPI_Wtime();
  double sum = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    MPI_Recv(result.data(), static_cast<int>(result.size()), MPI_DOUBLE, static_cast<int>(i % workers) + 1, kWork,
             MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    sum += result[i % result.size()];
  }
  if (sum < 0) std::abort();
  return MPI_Wtime() - begin;
}

/// One call after another, dealt to all workers in turn.
double single_calls(std::uint64_t n) {
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  std::vector<double> times;
  for (std::uint64_t i = 0; i < n; ++i) {
    std::uint64_t x = i;
    const int worker = 1 + static_cast<int>(i % static_cast<std::uint64_t>(size - 1));
    if (rank == 0) {
      const double begin = MPI_Wtime();
      MPI_Send(&x, 1, MPI_UINT64_T, worker, kWork, MPI_COMM_WORLD);
      MPI_Recv(&x, 1, MPI_UINT64_T, worker, kWork, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      times.push_back(MPI_Wtime() - begin);
    } else if (rank == worker) {
      MPI_Recv(&x, 1, MPI_UINT64_T, 0, kWork, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      x = work::inc(x);
      MPI_Send(&x, 1, MPI_UINT64_T, 0, kWork, MPI_COMM_WORLD);
    }
  }
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() / 2];
}

double common_data(std::uint64_t n) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::vector<double> table(work::kCommon, rank == 0 ? 0.5 : 0);
  MPI_Barrier(MPI_COMM_WORLD);
  const double begin = MPI_Wtime();
  MPI_Bcast(table.data(), static_cast<int>(table.size()), MPI_DOUBLE, 0, MPI_COMM_WORLD);
  master_and_workers<double>(n, std::max<std::uint64_t>(1, n / 50),
                             [&](std::uint64_t first, std::uint64_t count, double* out) {
                               for (std::uint64_t i = 0; i < count; ++i) out[i] = work::read_common(table, first + i);
                             });
  return MPI_Wtime() - begin;
}

struct Tried {
  double value;
  char failed;
};

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const std::string_view what = argc > 1 ? argv[1] : "";
  const std::uint64_t n = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const std::uint64_t batch = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  double seconds = 0;
  const auto each = [](auto function) {
    return [function](std::uint64_t first, std::uint64_t count, auto* out) {
      for (std::uint64_t i = 0; i < count; ++i) out[i] = function(first + i);
    };
  };
  if (what == "inc") {
    seconds = master_and_workers<std::uint64_t>(n, batch, each([](std::uint64_t i) { return work::inc(i); }));
  } else if (what == "spin") {
    seconds = master_and_workers<std::uint64_t>(n, batch, each([](std::uint64_t i) { return work::spin(i); }));
  } else if (what == "fussy") {
    seconds = master_and_workers<Tried>(n, batch, each([](std::uint64_t i) -> Tried {
                                          try {
                                            return {work::fussy(i), 0};
                                          } catch (const std::exception&) {
                                            return {0, 1};
                                          }
                                        }));
  } else if (what == "large") {
    seconds = large_results(n);
  } else if (what == "call") {
    seconds = single_calls(n);
  } else if (what == "common") {
    seconds = common_data(n);
  } else {
    return 2;
  }
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) std::printf("%.9f\n", seconds);
  MPI_Finalize();
  return 0;
}
