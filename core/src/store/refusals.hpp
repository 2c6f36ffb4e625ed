#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.hpp"
#include "store/job_directory.hpp"
#include "store/party.hpp"

/// Workers that could not do their part say why in workers/hh/<id>.refused.
namespace jobhost::store {

/// So many of one machine since the present owner began: further workers there end at once.
inline constexpr std::size_t kRefusalsThatExclude = 3;

/// How the line of one ends that a shell wrote, which makes no checksums.
inline constexpr std::string_view kUnsealed = ",\"unsealed\":true}";

struct Refusal {
  std::string hostname, boot;  // the machine
  std::uint64_t owners = 0;    // hosts that had owned the job by then: tells one attempt to run it from the next
  int code = 0;                // exit code of the worker
  std::string reason;          // a sentence without full stop
  std::string node = {};       // what the queueing system calls the machine, where it says so
};

/// Hosts that have owned the job so far.
std::uint64_t owners_of(base::Env& env, const JobDirectory& job);

/// Says that `worker` ends for this reason, where there is a job; nothing: one that does not even know who it is. Never
/// throws: a worker that can write nothing at all ends all the same.
void add_refusal(base::Env& env, const JobDirectory& job, const std::optional<Identity>& worker, int code,
                 const std::string& reason);
/// The same for a worker that could not even begin, by what the queueing system tells of its node.
void add_refusal_of_node(base::Env& env, const JobDirectory& job, const std::string& node, int code,
                         const std::string& reason);

/// Whether anybody said so. Costs a list of one folder; to read them, of all.
bool any_refused(base::Env& env, const JobDirectory& job);

/// Those since the present owner began; what is no refusal is left out.
std::vector<Refusal> read_refusals(base::Env& env, const JobDirectory& job);

}  // namespace jobhost::store
