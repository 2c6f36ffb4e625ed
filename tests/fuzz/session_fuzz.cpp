// Saved sessions.
#include "cli/session_file.hpp"
#include "harness.hpp"

using namespace jobhost;
using base::ExitCode;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::MemoryEnv env;
  env.put("session", {data, size});
  fuzz::accepts({ExitCode::kDamaged, ExitCode::kUsage}, [&] {
    const cli::SavedSession session = cli::read_session(env, "session");
    cli::write_session(env, "again", session);
    const cli::SavedSession again = cli::read_session(env, "again");
    fuzz::require(again.globals.size() == session.globals.size(), "a session is read as written");
    for (std::size_t i = 0; i < session.globals.size(); ++i) {
      fuzz::require(again.globals[i].value == session.globals[i].value, "a session is read as written");
    }
  });
  return 0;
}
