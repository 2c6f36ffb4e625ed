#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "host/nodes.hpp"

namespace jobhost::cli {

/// Prints one row per node and, if wanted, one per worker.
void print_nodes(const std::vector<host::Node>& nodes, std::uint64_t now_ns, bool workers_too);

/// The same of one node as JSON; what is not known is null.
nlohmann::ordered_json node_json(const host::Node& node, bool workers_too);

}  // namespace jobhost::cli
