// Result logs: frames, payloads, failures, modules, and what stands behind the last good frame.
#include "base/checksum.hpp"
#include "harness.hpp"
#include "store/failure.hpp"
#include "store/log_reader.hpp"

using namespace jobhost;
using base::ExitCode;
using store::FrameHeader;
using store::SegmentHeader;

namespace {

constexpr store::Id128 kManifest{1, 2, 3};

/// Makes checksums and what else nobody hits by chance right, so that what lies behind them is reached.
void seal(base::Bytes& log) {
  if (log.size() < sizeof(SegmentHeader)) return;
  auto segment = fuzz::load<SegmentHeader>(log, 0);
  segment.magic = store::kSegmentMagic;
  segment.format = store::kLogFormat;
  segment.manifest = kManifest;
  fuzz::store(log, 0, segment);
  segment.checksum = base::crc32c(base::ByteView(log).first(60));
  fuzz::store(log, 0, segment);
  for (std::size_t at = sizeof segment; log.size() - at >= sizeof(FrameHeader);) {
    auto frame = fuzz::load<FrameHeader>(log, at);
    const std::size_t payload = at + sizeof frame, left = log.size() - payload;
    frame.magic = store::kFrameMagic;
    frame.offset = at;
    frame.length %= left + 1;
    const std::size_t end = payload + store::padded(frame.length);
    frame.payload_checksum = base::crc32c(base::ByteView(log).subspan(payload, frame.length), segment.checksum);
    fuzz::store(log, at, frame);
    frame.checksum = base::crc32c(base::ByteView(log).subspan(at + 8, sizeof frame - 8), segment.checksum);
    fuzz::store(log, at, frame);
    if (end > log.size()) return;
    std::fill(log.begin() + static_cast<std::ptrdiff_t>(payload + frame.length),
              log.begin() + static_cast<std::ptrdiff_t>(end), 0);
    at = end;
  }
}

void use(const store::Frame& frame, const base::Bytes& payload) {
  if (frame.header.kind == static_cast<std::uint16_t>(store::FrameKind::kFailure)) {
    base::Bytes again;
    store::encode(store::decode_failure(payload), again);
    fuzz::require(again == payload, "a failure is read to its last byte");
  }
  if (frame.header.kind == static_cast<std::uint16_t>(store::FrameKind::kModules)) {
    base::Bytes again;
    store::encode_modules(store::decode_modules(payload), again);
    fuzz::require(again == payload, "modules are read to their last byte");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool sealed = (input.byte() & 1) == 0;
  base::Bytes log = input.copy();
  if (sealed) seal(log);
  fuzz::MemoryEnv env;
  env.put("job/log", log);
  store::LogReader reader(env, "job/log", kManifest);
  base::Bytes payload;
  std::uint64_t end = 0;
  while (const auto frame = reader.next()) {
    fuzz::require(frame->payload_offset > end && frame->header.length <= log.size() - frame->payload_offset,
                  "frames follow each other within the file");
    end = frame->payload_offset + frame->header.length;
    const bool whole = reader.read_payload(*frame, payload);
    fuzz::require(!whole || payload.size() == frame->header.length, "a payload is as long as its header says");
    fuzz::require(whole || !sealed, "a sealed frame is whole");
    if (whole) fuzz::accepts({ExitCode::kDamaged}, [&] { use(*frame, payload); });
  }
  reader.tail();
  return 0;
}
