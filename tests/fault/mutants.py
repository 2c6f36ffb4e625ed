#!/usr/bin/env python3
"""Seeds protocol bugs, each a mistake that somebody could make, and shows which test notices."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from mutation import ProgramTest, PythonTest, run_mutants


def unit(case):
    """By the beginning of the case's name."""
    return ProgramTest("tests/unit", case + "*")


def contract(case):
    return ProgramTest("tests/contract", case + "*", limit=10)  # some mistakes let a worker in that then waits


POWER_CUTS = ProgramTest("tests/sim_power_cuts", "--seeds", "400", limit=60)

# name, file under core/src, text, what is there instead, test that must fail
MUTANTS = [
    # What is believed of a log.
    ("checksum of payloads", "store/log_reader.cpp",
     ("return zeros && checksum == frame.header.payload_checksum ? State::kWhole : State::kWrongPayload;",
      "return base::crc32c(bytes, seed_) == frame.header.payload_checksum;"), ("return State::kWhole;", "return true;"), POWER_CUTS),
    ("padding of payloads", "store/log_reader.cpp", "return zeros && checksum", "return checksum", unit("one flipped bit")),
    ("checksum of frame headers", "store/log_reader.cpp",
     "header.offset == offset &&\n         header.checksum == base::crc32c(bytes_of(header).subspan(8), seed_);",
     "header.offset == offset;", unit("one flipped bit")),
    ("place of frames", "store/log_reader.cpp", "header.offset == offset &&", "", unit("a frame copied")),
    ("logs of another job", "store/log_reader.cpp", "header.manifest == manifest_ &&", "", unit("a frame copied")),
    ("gaps looked at again", "store/log_reader.cpp",
     "if (missed_since_ != 0 && env_.monotonic_ns() >= look_again_at_) look_again();", "", unit("a reader that saw a hole")),
    ("first record of a task", "host/result_stream.cpp",
     ("for (const auto& piece : seen_.missing(tasks)) {", "ahead_.emplace(piece.first, part)"),
     ("for (const auto& piece : {tasks}) {", "ahead_.insert_or_assign(piece.first, part)"), unit("each task is yielded once")),
    ("claim done without records", "worker/claim_source.cpp", "if (kind != store::FrameKind::kResults && kind",
     "if (kind != store::FrameKind::kResults && kind != store::FrameKind::kClaimDone && kind", POWER_CUTS),
    ("DONE without records", "cli/run_commands.cpp", "if (stream.done() < job.manifest.tasks) return std::nullopt;", "",
     PythonTest("e2e/test_run.Results.test_done_is_not_believed_where_records_are_missing")),
    # What is committed.
    ("torn frame", "store/log_writer.cpp", "try {\n      file_.truncate(committed_);", "try {", unit("a failing write leaves")),
    ("interrupted writes", "base/file.cpp", "if (written == -EINTR) continue;", "", unit("short and interrupted writes")),
    ("rest of short writes", "base/file.cpp", "bytes = bytes.subspan(static_cast<std::size_t>(written));", "bytes = {};",
     unit("short and interrupted writes")),
    ("sync before a commit", "store/log_writer.cpp", "if (durable_) sync();", "", POWER_CUTS),
    ("name of a log", "store/log_writer.cpp", "base::sync_directory(env_, folder);", "", POWER_CUTS),
    ("name of a log's folder", "store/log_writer.cpp", 'base::sync_directory(env_, folder + "/..");', "", POWER_CUTS),
    ("sync of directories", "base/file.cpp", "{ File(env, path, O_RDONLY | O_DIRECTORY).sync(); }", "{}", POWER_CUTS),
    ("sync that failed tried again", "base/file.cpp", "} while (failure == -EINTR);", "} while (failure == -EINTR || failure == -EIO);",
     unit("a sync that failed is not tried again")),
    ("sync that failed ignored", "base/file.cpp", 'if (failure < 0) throw_file_error(failure, "sync", path_);', "",
     unit("a sync that failed is not tried again")),
    ("interrupted sync", "base/file.cpp", "} while (failure == -EINTR);", "} while (false);", unit("a sync that a signal interrupts")),
    ("MANIFEST before its code", "host/submission.cpp", "if (strict) store::sync_code_and_inputs(env, job.directory);", "",
     unit("a strict submission")),
    ("names that MANIFEST relies on", "store/job_sync.cpp",
     "base::sync_directory(env, job.path());  // the names of the folders, which MANIFEST relies on", "", unit("a strict submission")),
    ("name of a job", "store/job_sync.cpp", 'base::sync_directory(env, store.empty() ? "/" : store);', "", POWER_CUTS),
    ("DONE not synced", "store/done.cpp", "if (durable) base::sync_directory(env, job.path());", "", POWER_CUTS),
    # Who does what.
    ("answer of link", "store/party.cpp", "return owner && owner->id == self_.id;", "return answer == 0;", unit("the answer of link")),
    ("claims found by name", "store/claims.cpp", "  for (const auto& name : base::list_beneath(env_, folder(near))) {",
     "  for (std::uint32_t next = 0; base::exists(env_, path(near, next)); ++next) found[near] = next;\n"
     "  for (const std::string name : std::initializer_list<std::string>{}) {",
     unit("generations and epochs are found")),
    ("claim of its own given up", "worker/claim_source.cpp",
     "  if (held_.contains(claim)) return std::nullopt;  // we took it meanwhile, or were taken for dead\n", "",
     unit("a worker that is taken for dead")),
    ("claims of the dead kept by those on duty", "worker/claim_source.cpp",
     "    claims_.give_up(claim, other.generation);  // to whoever of all that wait looks first\n", "", unit("those on duty")),
    ("duty of the busy", "worker/claim_source.cpp", "  duty_.resign();\n  return work;", "  return work;", unit("those on duty")),
    ("epochs found by name", "store/epoch.cpp", "std::optional<std::uint64_t> latest;",
     "std::optional<std::uint64_t> latest;\n"
     "  for (std::uint64_t next = 0; base::exists(env, job.owner(next)); ++next) latest = next;\n  return latest;",
     unit("generations and epochs are found")),
    ("lease by the wall clock", "store/party.cpp", "const std::uint64_t now = env_.monotonic_ns();",
     "const std::uint64_t now = env_.wall_ns();", unit("a party on another machine")),
    ("who left is dead", "store/party.cpp", "if (left != 0) return true;", "", contract("an owner that was robbed")),
    ("pid that was used again", "store/party.cpp", "process.start_time != identity.start_time", "process.start_time == 0",
     unit("a process of this machine")),
    ("takeover without reading logs", "worker/claim_source.cpp",
     ("  read_logs_of(before);\n  if (finished(claim)", "read_logs_of(before);  // all that the dead owner wrote"),
     ("  if (finished(claim)", "// all that the dead owner wrote"), unit("a takeover reads")),
    ("second host", "host/ownership.cpp", "if (last && !steal) require_dead(", "if (false) require_dead(",
     contract("a second host is turned away")),
    ("robbed host goes on", "host/ownership.cpp", "if (!latest || *latest <= epoch_) return;", "return;",
     contract("an owner that was robbed")),
    # Whom to let in.
    ("MANIFEST of a worker", "worker/head_start.cpp", "base::sha256_hex(manifest) != options_.manifest_sha256", "false",
     contract("a worker refuses")),
    ("MANIFEST of a host", "host/submission.cpp", "!base::exists_beneath(env, directory.voucher(job.manifest_sha256)) &&",
     "false &&",
     PythonTest("e2e/test_keeping.Keeping.test_verify_says_what_is_damaged_and_what_remains")),
    ("code of a worker", "worker/stage.cpp", "if (base::copy_verified(env, source, path, 0500, blob.sha256)) return path;",
     "base::copy_verified(env, source, path, 0500, blob.sha256);\n  return path;", contract("a worker refuses")),
    ("links on the way", "base/posix_env.cpp", "RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS", "RESOLVE_BENEATH",
     unit("what stands beneath")),
    ("links on the way, old kernels", "base/posix_env.cpp", "kDirectory | O_NOFOLLOW)", "kDirectory)", unit("kernels without openat2")),
    ("links", "base/posix_env.cpp", "kNeverFollow = O_NOFOLLOW | ", "kNeverFollow = ", unit("kernels without openat2")),
    # Whom to blame.
    ("attempts", "worker/blame.cpp", "if (trouble.failures <= manifest_.retries || !sure) return;",
     "if (trouble.failures < manifest_.retries || !sure) return;", PythonTest("e2e/test_limits.Limits.test_retries_count_crashes")),
    ("neighbours of a crash", "worker/blame.cpp", "crashed_lanes.empty() ? running : crashed_lanes", "running",
     PythonTest("e2e/test_limits.Limits.test_neighbours_of_a_crash_are_not_blamed")),
]
SHORT = {"checksum of payloads", "claim done without records", "sync of directories"}

if __name__ == "__main__":
    sys.exit(run_mutants(__doc__, MUTANTS, SHORT, {}))
