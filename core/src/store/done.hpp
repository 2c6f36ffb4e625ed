#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/env.hpp"
#include "store/job_directory.hpp"

namespace jobhost::store {

/// What DONE says.
struct Done {
  std::uint64_t tasks = 0, ok = 0, failed = 0;
  std::uint64_t finished_ns = 0;  // wall clock
};

/// Says that every task has ended. Several may say it; `id`: of who does. `durable`: so that it survives a power cut.
void write_done(base::Env& env, const JobDirectory& job, const std::string& id, std::uint64_t ok, std::uint64_t failed,
                bool durable);

/// Nothing when the text is not what write_done() writes, or, without checksum, an older version wrote.
std::optional<Done> done_from_text(std::string_view text);

}  // namespace jobhost::store
