#include "host/verification.hpp"

#include <algorithm>

#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "bundle/input_reader.hpp"
#include "bundle/pack_reader.hpp"
#include "host/result_stream.hpp"
#include "host/verify_files.hpp"
#include "schema/value.hpp"
#include "store/done.hpp"
#include "store/interval_set.hpp"
#include "store/log_set.hpp"
#include "store/party.hpp"

namespace jobhost::host {
namespace {

/// Runs a check of a file; what it throws is damage.
template <class Check>
bool look(Verification& found, const std::string& file, const Check& check) {
  try {
    check();
    return true;
  } catch (const base::Error& error) {
    found.damaged.push_back({file, {}, error.what()});
    return false;
  }
}

void verify_blob(base::Env& env, const Job& job, const bundle::Blob& blob, Verification& found) {
  ++found.blobs;
  const std::string name = "blob/" + blob.sha256;
  const bool sound = look(found, name, [&] {
    const std::string path = job.directory.blob(blob.sha256);
    const auto file = job.directory.open_blob(env, blob.sha256);
    if (base::sha256_hex_of_file(env, file.fd(), path) == blob.sha256) return;
    throw base::Error(base::ExitCode::kDamaged, "the code of " + blob.name + " does not match its digest");
  });
  found.code_damaged |= !sound;
}

/// Reads every stored row once; that compares the checksum of every segment.
void verify_inputs(base::Env& env, const Job& job, Verification& found) {
  const auto& manifest = job.manifest;
  found.packs = manifest.inputs.packs.size();
  const bool indices =
      look(found, "inputs", [&] { bundle::verify_packs(env, job.directory.path(), manifest.inputs, manifest.kernel); });
  found.inputs_damaged = !indices;
  for (std::uint32_t number = 0; number < manifest.inputs.packs.size(); ++number) {
    const auto& pack = manifest.inputs.packs[number];
    const bool sound = look(found, pack.file, [&] {
      bundle::PackReader reader(env, job.directory.path(), pack,
                                bundle::column_sizes(number, manifest.inputs, manifest.kernel));
      std::vector<jobhost_column> columns;
      for (std::uint64_t row = 0; row < pack.rows;) row += reader.rows_from(row, columns);
    });
    found.inputs_damaged |= !sound;
  }
}

bool is_cut_off_log(const Finding& note) { return note.file.starts_with("logs/") && note.byte; }

/// Every frame of every log, whatever it says, and what lies between them.
void verify_logs(base::Env& env, const Job& job, Verification& found) {
  store::LogSet logs(env, job.directory, store::binary_id(job.manifest_sha256));
  logs.discover();
  const std::size_t prefix = job.directory.path().size() + 1;
  store::IntervalSet done, finished;
  found.frames = logs.read([&](std::size_t log, const store::Frame& frame) {
    const auto& header = frame.header;
    const store::Interval tasks{header.first, header.first + header.count};
    const auto kind = static_cast<store::FrameKind>(header.kind);
    const bool inside = tasks.first <= tasks.end && tasks.end <= job.manifest.tasks;
    if (kind < store::FrameKind::kResults || kind > store::FrameKind::kModules || !inside) {
      found.damaged.push_back(
          {logs.log(log).path().substr(prefix), header.offset, "a record that this job cannot have"});
    } else if (kind == store::FrameKind::kClaimDone) {
      finished.add(tasks);
    } else if (kind != store::FrameKind::kModules) {
      done.add(tasks);
    }
  });
  for (auto& finding : logs.findings()) {
    (finding.damaged ? found.damaged : found.notes)
        .push_back({finding.path.substr(prefix), finding.offset, std::move(finding.what)});
  }
  const bool cut_off = std::any_of(found.notes.begin(), found.notes.end(), is_cut_off_log);
  std::uint64_t lacking = 0;
  for (const auto& gap : done.missing({0, job.manifest.tasks})) {
    lacking += gap.size();
    for (const auto& unsaid : finished.missing(gap)) lacking -= unsaid.size();
  }
  // Where a write was cut off, that is how they were lost, and the note says so.
  if (lacking > 0 && !cut_off) {
    found.damaged.push_back({"logs", {}, std::to_string(lacking) + " tasks are said to be in the logs, and are not"});
  }
}

void verify_results(base::Env& env, const Job& job, Verification& found) {
  look(found, "logs", [&] {
    ResultStream stream(env, job);
    stream.read_all();
    found.failed = stream.failed();
    const auto& type = job.manifest.kernel.result;
    const bool varies = !schema::fixed_size(type).has_value();
    while (const Block* block = stream.next_available()) {
      found.tasks += block->count;
      for (std::uint64_t i = 0; varies && !block->failed && i < block->count; ++i) {
        const auto value = bundle::value_at(block->results, i);
        if (schema::encoded_size(type, value) == value.size()) continue;
        throw base::Error(base::ExitCode::kDamaged, "the result of task " + std::to_string(block->first + i) +
                                                        " is no " + schema::cpp_name(type));
      }
    }
  });
  if (!job.directory.is_done(env)) return;
  look(found, "DONE", [&] {
    const auto text = base::read_beneath(env, job.directory.path(), job.directory.done(), 4096);
    const auto done = store::done_from_text(base::as_text(text));
    const auto refuse = [](const std::string& why) { throw base::Error(base::ExitCode::kDamaged, why); };
    if (!done) refuse("is not what a worker writes when all is done");
    if (found.tasks < job.manifest.tasks) {
      refuse("says that the job is done, but the logs hold " + std::to_string(found.tasks) + " of " +
             std::to_string(job.manifest.tasks) + " tasks");
    }
    if (done->tasks != job.manifest.tasks || done->failed != found.failed || done->ok != done->tasks - found.failed) {
      refuse("counts other tasks than the logs hold");
    }
  });
}

}  // namespace

std::string in_words(const Finding& finding) {
  return "'" + finding.file + "'" + (finding.byte ? " at byte " + std::to_string(*finding.byte) : "") + ": " +
         finding.what;
}

Verification verify(base::Env& env, const Job& job) {
  Verification found;
  verify_files(env, job, found);
  verify_blob(env, job, job.manifest.plugin, found);
  for (const auto& library : job.manifest.libraries) verify_blob(env, job, library, found);
  verify_inputs(env, job, found);
  verify_logs(env, job, found);
  verify_results(env, job, found);
  if (found.tasks == job.manifest.tasks) {
    for (auto& note : found.notes) {
      if (is_cut_off_log(note)) note.what += "; nothing is lost by it, all tasks are there";
    }
  }
  return found;
}

}  // namespace jobhost::host
