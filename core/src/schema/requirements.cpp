#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "schema/type.hpp"

namespace jobhost::schema {
namespace {

using Json = nlohmann::ordered_json;

/// Takes "abi", "jobhost" and "cpu" out of a document as they come along, and stops once it has seen abi and cpu.
class Head : public nlohmann::json_sax<Json> {
 public:
  explicit Head(Requirements& requirements) : requirements_(requirements) {}
  bool complete() const { return seen_abi_ && seen_cpu_; }

  bool key(string_t& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override { return number(static_cast<number_integer_t>(value)); }
  bool string(string_t& text) override {
    if (depth_ == 1 && key_ == "jobhost") requirements_.jobhost = text;
    if (depth_ == 2 && key_ == "cpu") requirements_.cpu_features.push_back(text);
    return true;
  }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool number(number_integer_t value) {
    if (depth_ != 1 || key_ != "abi") return true;
    requirements_.abi = static_cast<int>(std::clamp<number_integer_t>(value, 0, INT32_MAX));
    seen_abi_ = true;
    return !complete();
  }
  bool enter() {
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    seen_cpu_ = seen_cpu_ || (depth_ == 1 && key_ == "cpu");
    return !complete();
  }

  Requirements& requirements_;
  std::string key_;
  int depth_ = 0;
  bool seen_abi_ = false, seen_cpu_ = false;
};

}  // namespace

Requirements parse_requirements(const std::string& text, const std::string& where) {
  Requirements requirements;
  // One document per source file, with zeros between them for alignment.
  for (std::size_t begin = 0; (begin = text.find_first_not_of('\0', begin)) != std::string::npos;) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    Head head(requirements);
    if (!Json::sax_parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                         text.begin() + static_cast<std::ptrdiff_t>(end), &head) &&
        !head.complete()) {
      throw base::Error(base::ExitCode::kPluginRefused, "the schema in '" + where + "' is damaged",
                        "rebuild the plugin with add_job_kernel()");
    }
    begin = end;
  }
  return requirements;
}

}  // namespace jobhost::schema
