#pragma once

#include <cstdint>

namespace jobhost {

/// A stream of random numbers that belongs to one task: the same on any backend, with any number of workers, in any
/// chunks, and when the task is tried again. A uniform random bit generator for the distributions of <random>.
///
/// It is Philox4x64-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11) with key
/// {seed, 0} and counter {n, 0, task, 0}; n counts blocks of four numbers from 1. NumPy has the same stream:
/// numpy.random.Philox(key=seed, counter=[0, 0, task, 0]).random_raw(k).
class TaskRandom {
 public:
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return UINT64_MAX; }

  /// Begins the stream of a task of a job with this seed.
  void begin(std::uint64_t seed, std::uint64_t task) {
    seed_ = seed;
    task_ = task;
    block_ = left_ = 0;
  }
  /// The next number, of 64 random bits.
  result_type operator()() {
    if (left_ == 0) refill();
    return numbers_[4 - left_--];
  }
  /// Between 0 and 1, 1 excluded, in steps of 2^-53.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

 private:
  void refill() {
    constexpr std::uint64_t kMultiply0 = 0xD2E7470EE14C6C93, kMultiply1 = 0xCA5A826395121157;
    constexpr std::uint64_t kWeyl0 = 0x9E3779B97F4A7C15, kWeyl1 = 0xBB67AE8584CAA73B;
    std::uint64_t c0 = ++block_, c1 = 0, c2 = task_, c3 = 0, k0 = seed_, k1 = 0;
    for (int round = 0; round < 10; ++round) {
      const unsigned __int128 p0 = static_cast<unsigned __int128>(kMultiply0) * c0;
      const unsigned __int128 p1 = static_cast<unsigned __int128>(kMultiply1) * c2;
      c0 = static_cast<std::uint64_t>(p1 >> 64) ^ c1 ^ k0;
      c1 = static_cast<std::uint64_t>(p1);
      c2 = static_cast<std::uint64_t>(p0 >> 64) ^ c3 ^ k1;
      c3 = static_cast<std::uint64_t>(p0);
      k0 += kWeyl0;
      k1 += kWeyl1;
    }
    numbers_[0] = c0;
    numbers_[1] = c1;
    numbers_[2] = c2;
    numbers_[3] = c3;
    left_ = 4;
  }

  std::uint64_t seed_ = 0, task_ = 0, block_ = 0;
  unsigned left_ = 0;
  std::uint64_t numbers_[4] = {};
};

/// The stream of the task that runs on this thread. Options::seed is the job's seed. Outside of tasks it is that of
/// seed 0 and task 0.
inline TaskRandom& rng() {
  thread_local TaskRandom random;
  return random;
}

}  // namespace jobhost
