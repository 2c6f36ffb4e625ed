#include "worker/single_call.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace jobhost::worker {
namespace {

int grow(jobhost_sink* sink, std::uint64_t wanted) {
  base::Bytes& bytes = static_cast<SingleCall*>(sink->host)->result;
  bytes.resize(std::max<std::uint64_t>(wanted, 2 * bytes.size()));
  sink->data = bytes.data();
  sink->capacity = bytes.size();
  return 0;
}

void failed(jobhost_sink* sink, std::uint64_t, const jobhost_exception* thrown) {
  for (; thrown; thrown = thrown->cause) {
    int status = 0;
    const char* mangled = thrown->type ? thrown->type : "something";
    const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                           &std::free);
    static_cast<SingleCall*>(sink->host)
        ->thrown.push_back({name ? name.get() : mangled, thrown->what ? thrown->what : ""});
  }
}

}  // namespace

SingleCall call_once(jobhost_entry entry, const std::vector<jobhost_column>& columns,
                     std::optional<std::uint64_t> size) {
  constexpr std::uint64_t kRoom = 64 << 10;  // bytes
  SingleCall call;
  call.result.resize(std::max(kRoom, size.value_or(0)));
  std::uint64_t end = 0;
  jobhost_sink sink{call.result.data(), 0, call.result.size(), size ? nullptr : &end, &call, &grow, &failed};
  jobhost_progress progress{};
  entry(columns.data(), 1, &sink, &progress);
  call.result.resize(size.value_or(end));
  return call;
}

}  // namespace jobhost::worker
