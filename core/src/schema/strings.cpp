#include "schema/strings.hpp"

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
    case Kind::kMap:
      for (auto count = reader.value<std::uint64_t>(); count > 0; --count) {
        if (reader.remaining() == 0) throw base::Error(base::ExitCode::kDamaged, "a value ends too early");
        for (const auto& inner : type.items) item(inner);
      }
      return;
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
      throw base::Error(base::ExitCode::kDamaged, "a value of unknown size");
  }
}

}  // namespace

void for_each_string(const Type& type, base::ByteReader& reader, const std::function<void(std::string_view)>& use) {
  walk(type, reader, use, 0);
}

}  // namespace jobhost::schema
