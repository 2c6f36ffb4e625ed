#include "base/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace jobhost::base {

Log Log::to_stderr() {
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
  return Log(std::move(logger));
}

Log Log::silent() { return Log(std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>())); }

void Log::info(const std::string& text) const { logger_->log(spdlog::level::info, text); }
void Log::warn(const std::string& text) const { logger_->log(spdlog::level::warn, text); }

}  // namespace jobhost::base
