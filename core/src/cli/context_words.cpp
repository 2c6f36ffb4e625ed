#include "cli/context_words.hpp"

#include <fmt/format.h>

#include "context/restore.hpp"

namespace jobhost::cli {
namespace {

std::string names_of(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, " ")); }

std::string limits_of(const bundle::CallingContext& context) {
  std::vector<std::string> words;
  for (const auto& limit : context.limits) {
    words.push_back(limit.name + " " + (limit.value == UINT64_MAX ? "none" : std::to_string(limit.value)));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

/// One name where all categories have it.
std::string locale_of(const bundle::CallingContext& context) {
  std::vector<std::string> words;
  bool same = true;
  for (const auto& [category, name] : context.locale) {
    same = same && name == context.locale[0].second;
    words.push_back(category + "=" + name);
  }
  const std::string text = same && !words.empty() ? context.locale[0].second : names_of(words);
  return context.cpp_locale == text ? text : text + ", std::locale " + context.cpp_locale;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> context_in_words(const bundle::CallingContext& context) {
  std::vector<std::pair<std::string, std::string>> words = {{"works in", context.working_directory}};
  if (!context.whole) return words;
  std::vector<std::string> names;
  for (const auto& [name, value] : context.environment) names.push_back(name);
  const auto floating = context::floating_point_of(context);
  const bool usual = floating == context::FloatingPoint();
  words.insert(words.end(),
               {{"umask", fmt::format("{:03o}, niceness {}, {} processors", context.umask, context.niceness,
                                      context.processors)},
                {"environment", names_of(names)},
                {"secrets", names_of(context.secret)},
                {"withheld", context.withheld.empty() ? "" : std::to_string(context.withheld.size()) + " variables"},
                {"limits", limits_of(context)},
                {"locale", locale_of(context)},
                {"time zone", context.time_zone},
                {"arithmetic", usual ? "as a process starts with" : floating.against({})}});
  return words;
}

}  // namespace jobhost::cli
