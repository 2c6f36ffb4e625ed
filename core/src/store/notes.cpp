#include "store/notes.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

#include "base/file.hpp"
#include "store/seal.hpp"

namespace jobhost::store {
namespace {

constexpr std::uint64_t kNotesLimit = 64 << 20;  // bytes a worker may have written
constexpr std::string_view kEnding = ".notes";

}  // namespace

void add_note(base::Env& env, const JobDirectory& job, const std::string& worker_id, const Note& note) {
  const nlohmann::ordered_json json = {{"kind", note.kind},     {"text", note.text}, {"module", note.module},
                                       {"offset", note.offset}, {"size", note.size}, {"task", note.task}};
  const std::string line = sealed(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
  try {
    base::File file(env, job.workers() + "/" + worker_id.substr(0, 2) + "/" + worker_id + std::string(kEnding),
                    O_WRONLY | O_CREAT | O_APPEND);
    file.write(base::as_bytes(line));
  } catch (const base::Error&) {
  }
}

std::vector<Note> read_notes(base::Env& env, const JobDirectory& job) {
  std::map<std::tuple<std::string, std::string, std::uint64_t, std::string>, Note> distinct;
  std::vector<std::string> folders, names;
  env.list(job.workers(), folders);
  for (const auto& folder : folders) {
    names.clear();
    env.list(job.workers() + "/" + folder, names);
    for (const auto& name : names) {
      if (!name.ends_with(kEnding)) continue;
      const base::Bytes bytes = base::read_file(env, job.workers() + "/" + folder + "/" + name, kNotesLimit);
      std::istringstream lines{std::string(base::as_text(bytes))};
      for (std::string line; std::getline(lines, line);) {
        if (seal_of(line) == Seal::kWrong) continue;
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object()) continue;
        Note note{json.value("kind", ""),
                  json.value("text", ""),
                  json.value("module", ""),
                  json.value("offset", std::uint64_t{0}),
                  json.value("size", std::uint64_t{0}),
                  json.value("task", UINT64_MAX)};
        auto [known, fresh] = distinct.try_emplace({note.kind, note.module, note.offset, note.text}, note);
        if (fresh) continue;
        ++known->second.count;
        known->second.task = std::min(known->second.task, note.task);
      }
    }
  }
  std::vector<Note> notes;
  for (auto& [key, note] : distinct) notes.push_back(std::move(note));
  return notes;
}

}  // namespace jobhost::store
