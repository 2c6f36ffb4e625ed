#include "schema/type.hpp"

namespace jobhost::schema {
namespace {

const char* integer_name(std::uint8_t width, bool is_signed) {
  switch (width) {
    case 1:
      return is_signed ? "signed char" : "unsigned char";
    case 2:
      return is_signed ? "short" : "unsigned short";
    case 4:
      return is_signed ? "int" : "unsigned int";
    default:
      return is_signed ? "long" : "std::uint64_t";
  }
}

std::string joined(const std::vector<Type>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + cpp_name(item);
  return text;
}

}  // namespace

std::optional<std::uint64_t> fixed_size(const Type& type) {
  switch (type.kind) {
    case Kind::kVoid:
      return 0;
    case Kind::kBool:
    case Kind::kChar:
      return 1;
    case Kind::kInteger:
    case Kind::kFloating:
    case Kind::kEnumeration:
      return type.width;
    case Kind::kArray: {
      const auto item = fixed_size(type.items[0]);
      if (!item || type.count == 0) return std::nullopt;
      return *item * type.count;
    }
    case Kind::kTuple:
    case Kind::kRecord: {
      std::uint64_t sum = 0;
      for (const auto& item : type.items) {
        const auto size = fixed_size(item);
        if (!size || *size == 0) return std::nullopt;
        sum += *size;
      }
      if (sum == 0) return std::nullopt;
      return sum;
    }
    default:
      return std::nullopt;
  }
}

bool is_scalar(const Type& type) {
  return type.kind == Kind::kBool || type.kind == Kind::kChar || type.kind == Kind::kInteger ||
         type.kind == Kind::kFloating || type.kind == Kind::kString || type.kind == Kind::kEnumeration;
}

Kernel as_shown(const Kernel& kernel) {
  Kernel shown = kernel;
  shown.parameters.erase(shown.parameters.begin(), shown.parameters.begin() + static_cast<std::ptrdiff_t>(kernel.own));
  shown.own = 0;
  return shown;
}

Kernel with_fewer(const Kernel& kernel, std::size_t count) {
  Kernel shorter = kernel;
  shorter.symbol += "_" + std::to_string(count);
  shorter.parameters.resize(count);
  shorter.fewer.clear();
  return shorter;
}

std::string cpp_name(const Type& type) {
  switch (type.kind) {
    case Kind::kVoid:
      return "void";
    case Kind::kBool:
      return "bool";
    case Kind::kChar:
      return "char";
    case Kind::kInteger:
      return integer_name(type.width, type.is_signed);
    case Kind::kFloating:
      return type.width == 4 ? "float" : type.width == 8 ? "double" : "long double";
    case Kind::kString:
      return "std::string";
    case Kind::kEnumeration:
    case Kind::kRecord:
    case Kind::kJson:
      return type.name;
    case Kind::kVector:
      return "std::vector<" + joined(type.items) + ">";
    case Kind::kArray:
      return "std::array<" + joined(type.items) + ", " + std::to_string(type.count) + ">";
    case Kind::kMap:
      return "std::map<" + joined(type.items) + ">";
    case Kind::kOptional:
      return "std::optional<" + joined(type.items) + ">";
    case Kind::kTuple:
      return "std::tuple<" + joined(type.items) + ">";
    case Kind::kPointer:
      return "std::unique_ptr<" + joined(type.items) + ">";
    case Kind::kVariant:
      return "std::variant<" + joined(type.items) + ">";
  }
  return "?";
}

}  // namespace jobhost::schema
