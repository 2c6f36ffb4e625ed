#pragma once

#include <cereal/archives/json.hpp>
#include <sstream>

#include "jobhost/sdk/traits.hpp"

/// Classes that only cereal can serialise travel as the JSON that cereal writes, so that values can be typed and read
/// without running the plugin. Included by generated code behind a source file that includes cereal itself.
namespace jobhost::sdk {

template <class T>
requires(std::is_class_v<T>&& cereal::traits::is_output_serializable<T, cereal::JSONOutputArchive>::value&&
             cereal::traits::is_input_serializable<T, cereal::JSONInputArchive>::value) struct ByCereal<T> {
  static constexpr bool kServes = true;

  static std::string to_json(const T& value) {
    std::ostringstream stream;
    {
      cereal::JSONOutputArchive archive(stream, cereal::JSONOutputArchive::Options::NoIndent());
      archive(cereal::make_nvp("v", value));
    }
    std::string text = std::move(stream).str();  // {"v": ...}, with line breaks
    std::erase(text, '\n');
    const std::size_t begin = text.find_first_not_of(' ', text.find(':') + 1);
    return text.substr(begin, text.rfind('}') - begin);
  }

  /// Throws cereal::Exception when the text lacks what the class reads.
  static void from_json(const char* text, std::size_t size, T& value) {
    std::istringstream stream("{\"v\":" + std::string(text, size) + "}");
    cereal::JSONInputArchive archive(stream);
    archive(cereal::make_nvp("v", value));
  }
};

}  // namespace jobhost::sdk
