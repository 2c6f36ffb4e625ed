// A type as JSON on the first line, then a value of it: printed, measured, searched, and read from text.
#include "harness.hpp"
#include "schema/strings.hpp"
#include "schema/value.hpp"

using namespace jobhost;
using base::ExitCode;

namespace {

void use_encoded(const schema::Type& type, base::ByteView bytes) {
  const auto size = schema::encoded_size(type, bytes);
  const auto fixed = schema::fixed_size(type);
  if (fixed) fuzz::require(!size || *size == *fixed, "a value of a fixed size has that size");
  std::string json, plain;
  const bool printed = fuzz::accepts({ExitCode::kDamaged}, [&] {
    base::ByteReader reader(bytes);
    schema::append_json(type, reader, json);
    fuzz::require(size && bytes.size() - reader.remaining() == *size, "printing reads what is measured");
  });
  fuzz::require(printed == size.has_value(), "what has a size is printed");
  const bool bare = fuzz::accepts({ExitCode::kDamaged}, [&] {
    base::ByteReader reader(bytes);
    schema::append_plain(type, reader, plain);
    fuzz::require(size && bytes.size() - reader.remaining() == *size, "printing reads what is measured");
  });
  fuzz::require(bare == printed, "both ways of printing take the same values");
  const bool searched = fuzz::accepts({ExitCode::kDamaged}, [&] {
    base::ByteReader reader(bytes);
    schema::for_each_string(type, reader, [](std::string_view) {});
    fuzz::require(!size || bytes.size() - reader.remaining() == *size, "searching reads what is measured");
  });
  fuzz::require(searched || !printed, "what is printed is searched");
  base::Bytes again;
  if (printed && schema::encode_json(type, json, again).empty()) {
    fuzz::require(schema::encoded_size(type, again) == again.size(), "what is encoded is a value");
  }
}

void use_text(const schema::Type& type, std::string_view text) {
  for (const auto encode : {&schema::encode_text, &schema::encode_json}) {
    base::Bytes bytes{1};
    const bool fits = encode(type, text, bytes).empty();
    fuzz::require(fits || bytes.size() == 1, "a text that does not fit leaves nothing");
    const auto value = base::ByteView(bytes).subspan(1);
    if (fits) fuzz::require(schema::encoded_size(type, value) == value.size(), "what is encoded is a value");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string words = input.line();
  fuzz::accepts({ExitCode::kPluginRefused}, [&] {
    const schema::Type type = schema::type_from_json(words, "plugin");
    fuzz::require(schema::type_from_json(schema::type_to_json(type), "plugin") == type, "a type is read as written");
    schema::cpp_name(type);
    use_encoded(type, input.rest());
    use_text(type, base::as_text(input.rest()));
  });
  return 0;
}
