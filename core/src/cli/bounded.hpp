#pragma once

namespace CLI {
class Option;
}

namespace jobhost::cli {

/// Refuses numbers outside of [low, high], and NaN, which CLI::Range lets pass.
void require_within(CLI::Option& option, double low, double high);

}  // namespace jobhost::cli
