#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "store/job_directory.hpp"

/// What workers have to say to people besides results: each line of workers/hh/<id>.notes is one, of any of that
/// worker's processes.
namespace jobhost::store {

struct Note {
  std::string kind;                 // "floating_point", "global", "environment", "system_library", …
  std::string text;                 // a sentence without full stop; "" where the place below says it all
  std::string module = {};          // file that was loaded, where the note is about a place in it
  std::uint64_t offset = 0;         // address minus load bias
  std::uint64_t size = 0;           // bytes from there on
  std::uint64_t task = UINT64_MAX;  // that it is about, the first where several processes say so; UINT64_MAX: none
  std::uint64_t count = 1;          // processes that say so
};

/// Called from executors and supervisors. Never throws: a note that cannot be written is not worth a job.
void add_note(base::Env& env, const JobDirectory& job, const std::string& worker_id, const Note& note);

/// Every distinct note of the job, by kind and place. Lines that are cut off or damaged are left out.
std::vector<Note> read_notes(base::Env& env, const JobDirectory& job);

}  // namespace jobhost::store
