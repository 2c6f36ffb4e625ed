#include "store/notes.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/beneath.hpp"
#include "store/lines.hpp"
#include "store/seal.hpp"

namespace jobhost::store {
namespace {

constexpr std::size_t kLongestNote = 1 << 16, kLongestText = 1 << 13;  // bytes
constexpr std::string_view kEnding = ".notes";

}  // namespace

void add_note(base::Env& env, const JobDirectory& job, const std::string& worker_id, const Note& note) {
  const nlohmann::ordered_json json = {{"kind", note.kind},     {"text", note.text.substr(0, kLongestText)},
                                       {"module", note.module}, {"offset", note.offset},
                                       {"size", note.size},     {"task", note.task}};
  const std::string line = sealed(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
  try {
    const std::string path = job.workers() + "/" + worker_id.substr(0, 2) + "/" + worker_id + std::string(kEnding);
    base::open_beneath(env, job.path(), path, O_WRONLY | O_CREAT | O_APPEND).write(base::as_bytes(line));
  } catch (const base::Error&) {
  }
}

std::vector<Note> read_notes(base::Env& env, const JobDirectory& job) {
  std::map<std::tuple<std::string, std::string, std::uint64_t, std::string>, Note> distinct;
  for (const auto& folder : base::list_beneath(env, job.workers())) {
    if (!is_party_folder(folder)) continue;
    const std::string within = job.workers() + "/" + folder + "/";
    for (const auto& name : base::list_beneath(env, job.workers() + "/" + folder)) {
      if (!name.ends_with(kEnding) || !is_party_id(name.substr(0, 32))) continue;
      const auto file = base::open_beneath(env, job.path(), within + name, O_RDONLY);
      for_each_line(file, kLongestNote, "list of notes", [&](const std::string& line) {
        if (seal_of(line) == Seal::kWrong) return;
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object()) return;
        Note note;
        try {
          note = {json.value("kind", ""),
                  json.value("text", ""),
                  json.value("module", ""),
                  json.value("offset", std::uint64_t{0}),
                  json.value("size", std::uint64_t{0}),
                  json.value("task", UINT64_MAX)};
        } catch (const nlohmann::json::exception&) {
          return;
        }
        auto [known, fresh] = distinct.try_emplace({note.kind, note.module, note.offset, note.text}, note);
        if (fresh) return;
        ++known->second.count;
        known->second.task = std::min(known->second.task, note.task);
      });
    }
  }
  std::vector<Note> notes;
  for (auto& [key, note] : distinct) notes.push_back(std::move(note));
  return notes;
}

}  // namespace jobhost::store
