#pragma once

#include <string>

#include "backend/queue.hpp"

namespace jobhost::backend {

/// Any queueing system, by a template that says what its commands are: docs/templates.md.
/// The text of a template's file, whose name in sentences is `name`. Throws Error(kUsage) where it is no template.
std::string checked_template(const std::string& text, const std::string& name);

/// The choice's one option is the template's text. Throws Error(kUsage).
std::unique_ptr<Queue> make_template_queue(const Choice& choice, const std::string& job_directory);

}  // namespace jobhost::backend
