#include "host/verification.hpp"

#include "base/checksum.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack_reader.hpp"
#include "host/result_stream.hpp"
#include "schema/value.hpp"
#include "store/log_set.hpp"
#include "store/party.hpp"

namespace jobhost::host {
namespace {

/// Runs a check; what it throws is damage.
template <class Check>
void look(Verification& found, const Check& check) {
  try {
    check();
  } catch (const base::Error& error) {
    found.damaged.push_back(error.what());
  }
}

void verify_blob(base::Env& env, const Job& job, const bundle::Blob& blob, Verification& found) {
  ++found.blobs;
  look(found, [&] {
    const std::string path = job.directory.blob(blob.sha256);
    const auto file = job.directory.open_blob(env, blob.sha256);
    if (base::sha256_hex_of_file(env, file.fd(), path) == blob.sha256) return;
    found.damaged.push_back("'" + path + "' (" + blob.name + ") does not match its digest");
  });
}

/// Reads every stored row once; that compares the checksum of every segment.
void verify_inputs(base::Env& env, const Job& job, Verification& found) {
  const auto& manifest = job.manifest;
  found.packs = manifest.inputs.packs.size();
  look(found, [&] { bundle::verify_packs(env, job.directory.path(), manifest.inputs, manifest.kernel); });
  for (std::uint32_t number = 0; number < manifest.inputs.packs.size(); ++number) {
    look(found, [&] {
      const auto& pack = manifest.inputs.packs[number];
      bundle::PackReader reader(env, job.directory.path(), pack,
                                bundle::column_sizes(number, manifest.inputs, manifest.kernel));
      std::vector<jobhost_column> columns;
      for (std::uint64_t row = 0; row < pack.rows;) row += reader.rows_from(row, columns);
    });
  }
}

/// Every frame of every log, whatever it says.
void verify_logs(base::Env& env, const Job& job, Verification& found) {
  store::LogSet logs(env, job.directory, store::binary_id(job.manifest_sha256));
  logs.discover();
  base::Bytes payload;
  const auto at = [&](std::size_t log, std::uint64_t offset) {
    return "'" + logs.log(log).path() + "' at byte " + std::to_string(offset);
  };
  found.frames = logs.read([&](std::size_t log, const store::Frame& frame) {
    if (!logs.log(log).read_payload(frame, payload)) {
      found.damaged.push_back(at(log, frame.header.offset) + ": wrong checksum");
    }
  });
  for (std::size_t log = 0; log < logs.size(); ++log) {
    const auto tail = logs.log(log).tail();
    if (tail == store::LogReader::Tail::kNone) continue;
    const std::string where = at(log, logs.log(log).position());
    if (tail == store::LogReader::Tail::kDamaged) {
      found.damaged.push_back(where + ": no frame of this job, and no beginning of one");
    } else {
      found.notes.push_back(where + ": a write was cut off, or is going on");
    }
  }
}

void verify_results(base::Env& env, const Job& job, Verification& found) {
  look(found, [&] {
    ResultStream stream(env, job);
    stream.poll();
    const auto& type = job.manifest.kernel.result;
    const bool varies = !schema::fixed_size(type).has_value();
    while (const Block* block = stream.next_available()) {
      found.tasks += block->count;
      for (std::uint64_t i = 0; varies && !block->failed && i < block->count; ++i) {
        const auto value = bundle::value_at(block->results, i);
        if (schema::encoded_size(type, value) == value.size()) continue;
        found.damaged.push_back("the result of task " + std::to_string(block->first + i) + " is no " +
                                schema::cpp_name(type));
        break;
      }
    }
  });
  if (found.damaged.empty() && job.directory.is_done(env) && found.tasks < job.manifest.tasks) {
    found.damaged.push_back("the job is marked as done, but its logs hold " + std::to_string(found.tasks) + " of " +
                            std::to_string(job.manifest.tasks) + " tasks");
  }
}

}  // namespace

Verification verify(base::Env& env, const Job& job) {
  Verification found;
  verify_blob(env, job, job.manifest.plugin, found);
  for (const auto& library : job.manifest.libraries) verify_blob(env, job, library, found);
  verify_inputs(env, job, found);
  verify_logs(env, job, found);
  verify_results(env, job, found);
  return found;
}

}  // namespace jobhost::host
