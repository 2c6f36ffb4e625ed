// Small texts of a job directory: identities, notes, indices of what was printed, heartbeats.
#include "harness.hpp"
#include "store/notes.hpp"
#include "store/party.hpp"
#include "store/printed.hpp"

using namespace jobhost;
using base::ExitCode;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned what = input.byte() % 4;
  const std::string id(32, 'a');
  const store::JobDirectory job("job");
  fuzz::MemoryEnv env;
  if (what == 0) {
    fuzz::accepts({ExitCode::kDamaged}, [&] {
      const store::Identity identity = store::identity_from_text(input.text(), "identity");
      const store::Identity again = store::identity_from_text(store::to_text(identity), "identity");
      fuzz::require(again.id == identity.id && again.pid == identity.pid && again.start_time == identity.start_time,
                    "an identity is read as written");
      fuzz::require(identity.id.find('/') == std::string::npos, "an id is no path");
      fuzz::require(identity.pid > 0, "a pid is one process");
    });
  } else if (what == 1) {
    env.put(job.workers() + "/aa/" + id + ".notes", input.rest());
    fuzz::accepts({ExitCode::kDamaged}, [&] {
      for (const auto& note : store::read_notes(env, job)) fuzz::require(note.count > 0, "a note is somebody's");
    });
  } else if (what == 2) {
    env.put(job.printed() + "/" + id + ".0.0.index", input.rest());
    fuzz::accepts({ExitCode::kDamaged},
                  [&] { store::for_each_printed(env, job, [](const std::string&, const store::PrintedPart&) {}); });
  } else {
    env.put(job.workers() + "/aa/" + id + ".hb", input.rest());
    store::read_heartbeat(env, job, id);
  }
  return 0;
}
