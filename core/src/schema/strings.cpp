#include "schema/strings.hpp"

#include "schema/value.hpp"

namespace jobhost::schema {
namespace {

constexpr int kDeepest = 64;

void walk(const Type& type, base::ByteReader& reader, const std::function<void(std::string_view)>& use, int depth) {
  if (depth > kDeepest) throw base::Error(base::ExitCode::kDamaged, "a value nests too deep");
  if (const auto size = fixed_size(type)) {  // there are no strings in it
    reader.take(*size);
    return;
  }
  const auto item = [&](const Type& inner) { walk(inner, reader, use, depth + 1); };
  switch (type.kind) {
    case Kind::kString:
      return use(base::as_text(reader.take(reader.value<std::uint64_t>())));
    case Kind::kJson:
      reader.take(reader.value<std::uint64_t>());
      return;
    case Kind::kVector:
    case Kind::kMap: {
      auto count = reader.value<std::uint64_t>();
      // Every item takes at least a byte.
      if (count > reader.remaining()) throw base::Error(base::ExitCode::kDamaged, "a value ends too early");
      for (; count > 0; --count) {
        for (const auto& inner : type.items) item(inner);
      }
      return;
    }
    case Kind::kArray:
      for (std::uint64_t i = 0; i < type.count; ++i) item(type.items[0]);
      return;
    case Kind::kTuple:
    case Kind::kRecord:
      for (const auto& inner : type.items) item(inner);
      return;
    case Kind::kOptional:
      if (reader.value<std::uint8_t>() == 0) item(type.items[0]);
      return;
    case Kind::kPointer:
      if (reader.value<std::uint8_t>() != 0) item(type.items[0]);
      return;
    case Kind::kVariant: {
      const auto index = reader.value<std::uint32_t>();
      if (index >= type.items.size()) throw base::Error(base::ExitCode::kDamaged, "a variant has no such alternative");
      return item(type.items[index]);
    }
    default:
      return;  // all others have a fixed size
  }
}

}  // namespace

void for_each_string(const Type& type, base::ByteReader& reader, const std::function<void(std::string_view)>& use) {
  walk(type, reader, use, 0);
}

std::optional<std::uint64_t> encoded_size(const Type& type, base::ByteView bytes) {
  base::ByteReader reader(bytes);
  try {
    walk(
        type, reader, [](std::string_view) {}, 0);
  } catch (const base::Error&) {
    return std::nullopt;
  }
  return bytes.size() - reader.remaining();
}

}  // namespace jobhost::schema
