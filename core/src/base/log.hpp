#pragma once

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace jobhost::base {

/// Lines that say what a worker did, for people who look for the reason of something: time (UTC), level, text. Meant
/// for events that are rare; never for one line per task. May be used from several threads.
class Log {
 public:
  /// To standard error.
  static Log to_stderr();
  /// Keeps nothing.
  static Log silent();

  void info(const std::string& text) const;
  void warn(const std::string& text) const;

 private:
  explicit Log(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace jobhost::base
