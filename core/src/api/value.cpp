#include "api/value.hpp"

namespace jobhost::api {
namespace {

class Counter : public detail::ByteSink {
 public:
  void bytes(const void*, std::uint64_t size) override { count += size; }
  std::uint64_t count = 0;
};

}  // namespace

std::uint64_t size_of(const detail::Value& value) {
  Counter counter;
  write_to(counter, value);
  return counter.count;
}

void write_to(detail::ByteSink& sink, const detail::Value& value) {
  if (value.write) {
    value.write(sink);
  } else {
    sink.bytes(value.bytes.data(), value.bytes.size());
  }
}

}  // namespace jobhost::api
