#include "host/result_stream.hpp"

#include <catch2/catch.hpp>
#include <cstring>

#include "base/file.hpp"
#include "store/log_writer.hpp"
#include "store/party.hpp"
#include "support/temporary_directory.hpp"

using namespace jobhost;

TEST_CASE("each task is yielded once, with the record that was read first") {
  const test::TemporaryDirectory folder;
  base::PosixEnv env;
  host::Job job{store::JobDirectory(folder / "job"), std::string(64, 'a'), {}};
  job.manifest.tasks = 6;
  job.manifest.kernel.result.kind = schema::Kind::kInteger;
  job.manifest.kernel.result.width = 8;
  const auto write = [&](char worker, std::uint64_t first, const std::vector<std::uint64_t>& values) {
    const std::string id(32, worker), logs = job.directory.logs() + "/" + id.substr(0, 2);
    base::make_directories(env, logs);
    store::LogWriter log(env, logs + "/" + id + ".0.0", store::binary_id(id), 0, store::binary_id(job.manifest_sha256));
    log.append({store::FrameKind::kResults, first, values.size(), 10, 1, 0},
               {{reinterpret_cast<const unsigned char*>(values.data()), 8 * values.size()}});
  };
  host::ResultStream stream(env, job);
  std::vector<std::uint64_t> yielded;
  const auto read = [&] {
    stream.poll();
    while (const auto* block = stream.next()) {
      REQUIRE(block->first == yielded.size());
      for (std::uint64_t i = 0; i < block->count; ++i) {
        std::uint64_t value = 0;
        std::memcpy(&value, block->results.data + i * block->results.stride, sizeof value);
        yielded.push_back(value);
      }
    }
  };
  write('a', 3, {13, 14});
  read();
  CHECK(yielded.empty());  // tasks before them are not done
  write('b', 1, {21, 22, 23});
  read();
  write('c', 0, {30, 31, 32});
  read();
  CHECK(yielded == std::vector<std::uint64_t>{30, 21, 22, 13, 14});
  write('d', 2, {42, 43, 44, 45});
  read();
  CHECK(yielded == std::vector<std::uint64_t>{30, 21, 22, 13, 14, 45});
  CHECK(stream.finished());
  CHECK(stream.duplicates() == 6);
}
