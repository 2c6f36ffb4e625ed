#include "cli/result_rows.hpp"

#include <map>

#include "base/file.hpp"
#include "cli/job_names.hpp"
#include "cli/one_line.hpp"
#include "cli/output_file.hpp"
#include "cli/reduce_output.hpp"
#include "cli/signals.hpp"
#include "host/merged_stream.hpp"
#include "store/store.hpp"

namespace jobhost::cli {
namespace {

void say_how_many(const Session& session, const host::Job& job, std::uint64_t done) {
  if (done == job.manifest.tasks) return;
  session.say(std::to_string(done) + " of " + std::to_string(job.manifest.tasks) + " tasks are done");
}

Written write_own(Session& session, const host::Job& job, const bundle::Output& output) {
  host::ResultStream stream(session.env, job);
  stream.read_all();
  const auto rows = make_output(session.env, job, output, stream.done());
  host::Explainer explainer(session.env, job);
  while (const host::Block* block = stream.next_available()) {
    throw_if_interrupted();
    if (block->failed) {
      const auto words = explainer.explain(block->failure, block->modules);
      rows->write(*block, &words);
    } else {
      rows->write(*block, nullptr);
    }
  }
  rows->finish();
  say_how_many(session, job, stream.done());
  session.exit_code = stream.failed() > 0 ? 1 : 0;
  say_damage(session, job, stream.damage());
  return {{job}, stream.done(), stream.failed()};
}

Written write_merged(Session& session, const host::Job& job, const bundle::Output& output) {
  host::MergedStream stream(session.env, job);
  for (const auto& sentence : stream.left_out()) session.say(sentence);
  const auto rows = make_output(
      session.env, job, output, stream.done(), [] {}, Part::kOfReader, true);
  std::map<const host::Job*, host::Explainer> explainers;
  const host::Job* source = nullptr;
  std::uint64_t failed = 0;
  while (const host::Block* block = stream.next()) {
    throw_if_interrupted();
    if (source != &stream.source()) {
      source = &stream.source();
      rows->set_code(host::code_of(source->manifest));
    }
    if (block->failed) {
      auto& explainer = explainers.try_emplace(source, session.env, *source).first->second;
      const auto words = explainer.explain(block->failure, block->modules);
      rows->write(*block, &words);
      session.exit_code = 1;
      ++failed;
    } else {
      rows->write(*block, nullptr);
    }
  }
  rows->finish();
  say_how_many(session, job, stream.done());
  stream.each_source([&](const host::Job& each, host::ResultStream& own) { say_damage(session, each, own.damage()); });
  Written written{{}, stream.done(), failed};
  for (const auto* one : stream.jobs()) written.jobs.push_back(*one);
  return written;
}

}  // namespace

std::string in_words(const Written& written) {
  std::string text = count_of(written.rows, "task");
  if (written.failed > 0) text += ", " + std::to_string(written.failed) + " of them failed";
  return text;
}

Written write_results(Session& session, const host::Job& job, const bundle::Output& output, bool merged) {
  Signals::install();
  session.exit_code = 0;
  return merged ? write_merged(session, first_of(session, job), output) : write_own(session, job, output);
}

}  // namespace jobhost::cli
