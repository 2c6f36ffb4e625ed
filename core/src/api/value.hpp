#pragma once

#include "jobhost/detail/runtime.hpp"

/// Encoded values as the headers give them.
namespace jobhost::api {

/// Bytes that write_to() writes.
std::uint64_t size_of(const detail::Value& value);
void write_to(detail::ByteSink& sink, const detail::Value& value);

}  // namespace jobhost::api
