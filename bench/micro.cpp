// The parts of the path of a task, one by one.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "jobhost/sdk/codec.hpp"
#include "store/claims.hpp"
#include "store/doorbell.hpp"
#include "store/log_reader.hpp"
#include "store/log_writer.hpp"
#include "store/mailbox.hpp"
#include "store/party.hpp"

using namespace jobhost;

namespace {

base::PosixEnv env;

/// A job directory's folders in memory.
struct Folder {
  Folder() {
    char pattern[] = "/dev/shm/jobhost-micro-XXXXXX";
    path = ::mkdtemp(pattern);
    for (const char* name : {"/workers", "/claims", "/logs"}) env.make_directory(path + name, 0700);
  }
  ~Folder() { base::remove_tree(env, path); }
  std::string path;
};

void checksum(benchmark::State& state) {
  const base::Bytes bytes(static_cast<std::size_t>(state.range(0)), 7);
  for (auto _ : state) benchmark::DoNotOptimize(base::crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Arg(64)->Arg(64 << 10)->Arg(1 << 20);

void encode_and_decode_a_tuple(benchmark::State& state) {
  unsigned char memory[64];
  std::tuple<std::uint64_t, int> value{7, 8};
  for (auto _ : state) {
    sdk::MemoryWriter writer(memory);
    sdk::encode(writer, value);
    benchmark::DoNotOptimize(&memory[0]);
    benchmark::ClobberMemory();  // or the compiler knows what it will read
    sdk::Reader reader(memory, sizeof memory);
    sdk::decode(reader, value);
    benchmark::DoNotOptimize(value);
  }
}
BENCHMARK(encode_and_decode_a_tuple);

void append_frames(benchmark::State& state) {
  const Folder folder;
  const base::Bytes payload(static_cast<std::size_t>(state.range(0)), 7);
  int number = 0;
  auto log = std::make_unique<store::LogWriter>(env, folder.path + "/logs/0", store::Id128{}, 0, store::Id128{});
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    log->append({store::FrameKind::kResults, 0, 1, 0, 1, 0}, {payload});
    if ((bytes += payload.size() + 64) < (256 << 20)) continue;
    state.PauseTiming();
    env.remove(folder.path + "/logs/" + std::to_string(number));
    log = std::make_unique<store::LogWriter>(env, folder.path + "/logs/" + std::to_string(++number), store::Id128{}, 0,
                                             store::Id128{});
    bytes = 0;
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append_frames)->Arg(8)->Arg(8 << 10)->Arg(1 << 20);

void read_frames(benchmark::State& state) {
  const Folder folder;
  const base::Bytes payload(static_cast<std::size_t>(state.range(0)), 7);
  const std::string path = folder.path + "/logs/0";
  const int frames = static_cast<int>((64 << 20) / (payload.size() + 64));
  {
    store::LogWriter log(env, path, store::Id128{}, 0, store::Id128{});
    for (int i = 0; i < frames; ++i) log.append({store::FrameKind::kResults, 0, 1, 0, 1, 0}, {payload});
  }
  auto log = std::make_unique<store::LogReader>(env, path, store::Id128{});
  base::Bytes bytes;
  for (auto _ : state) {
    auto frame = log->next();
    if (!frame) {
      log = std::make_unique<store::LogReader>(env, path, store::Id128{});
      frame = log->next();
    }
    if (!log->read_payload(*frame, bytes)) state.SkipWithError("a frame cannot be read");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_frames)->Arg(8)->Arg(8 << 10)->Arg(1 << 20);

void take_a_claim(benchmark::State& state) {
  const Folder folder;
  const store::JobDirectory job(folder.path);
  store::Party party(env, job, store::make_identity(env, "worker"));
  store::Claims claims(env, job, party);
  std::uint64_t claim = 0;
  for (auto _ : state) {
    if (!claims.take(claim++, 0)) state.SkipWithError("a claim was not to be had");
  }
}
BENCHMARK(take_a_claim)->Iterations(20'000);

/// From ringing to having been woken and rung back; `pause`: both sleep.
void wake_each_other(benchmark::State& state) {
  store::Doorbell there, back;
  std::atomic<bool> over{false};
  std::thread other([&] {
    std::uint32_t seen = 0;
    while (!over) {
      there.wait(seen, 100'000'000);
      if (there.count() == seen) continue;
      seen = there.count();
      back.ring();
    }
  });
  std::uint32_t seen = back.count();
  for (auto _ : state) {
    there.ring();
    while (back.count() == seen) back.wait(seen, 100'000'000);
    seen = back.count();
  }
  over = true;
  there.ring();
  other.join();
}
BENCHMARK(wake_each_other)->UseRealTime();

void post_and_reply(benchmark::State& state) {
  store::Mailbox host, lane(::dup(host.fd()));
  const base::Bytes argument(8, 1);
  const store::RequestColumn constant{store::RequestColumn::Kind::kConstant, 0, 0, argument.size()};
  const std::vector<store::Request::Column> columns(5, {constant, argument});
  std::uint64_t task = 0;
  for (auto _ : state) {
    host.post(0, {0, 8, task, 1, columns});
    const auto request = lane.view(lane.find(task, 0));
    std::memcpy(lane.memory().at(request.results, 8), lane.memory().at(request.columns[0].data, 8), 8);
    lane.answer(0, 0, std::array{store::TaskState::kOk});
    benchmark::DoNotOptimize(host.state(host.view(0), 0));
    host.free(0);
    ++task;
  }
}
BENCHMARK(post_and_reply);

}  // namespace

BENCHMARK_MAIN();
