#include "backend/option_names.hpp"

#include <algorithm>

#include "base/suggest.hpp"

namespace jobhost::backend {

const std::vector<std::string>& slurm_option_names() {
  static const std::vector<std::string> names = {"account",
                                                 "acctg-freq",
                                                 "batch",
                                                 "bb",
                                                 "bbf",
                                                 "begin",
                                                 "chdir",
                                                 "cluster-constraint",
                                                 "clusters",
                                                 "comment",
                                                 "constraint",
                                                 "container",
                                                 "contiguous",
                                                 "core-spec",
                                                 "cores-per-socket",
                                                 "cpu-freq",
                                                 "cpus-per-gpu",
                                                 "cpus-per-task",
                                                 "deadline",
                                                 "delay-boot",
                                                 "dependency",
                                                 "distribution",
                                                 "exclude",
                                                 "exclusive",
                                                 "extra-node-info",
                                                 "gid",
                                                 "gpu-bind",
                                                 "gpu-freq",
                                                 "gpus",
                                                 "gpus-per-node",
                                                 "gpus-per-socket",
                                                 "gpus-per-task",
                                                 "gres",
                                                 "gres-flags",
                                                 "hint",
                                                 "hold",
                                                 "licenses",
                                                 "mail-type",
                                                 "mail-user",
                                                 "mcs-label",
                                                 "mem",
                                                 "mem-bind",
                                                 "mem-per-cpu",
                                                 "mem-per-gpu",
                                                 "mincpus",
                                                 "network",
                                                 "nice",
                                                 "no-kill",
                                                 "nodefile",
                                                 "nodelist",
                                                 "nodes",
                                                 "ntasks-per-core",
                                                 "ntasks-per-node",
                                                 "oversubscribe",
                                                 "partition",
                                                 "power",
                                                 "prefer",
                                                 "priority",
                                                 "profile",
                                                 "qos",
                                                 "reboot",
                                                 "requeue",
                                                 "reservation",
                                                 "signal",
                                                 "sockets-per-node",
                                                 "spread-job",
                                                 "switches",
                                                 "thread-spec",
                                                 "threads-per-core",
                                                 "time",
                                                 "time-min",
                                                 "tmp",
                                                 "tres-per-task",
                                                 "use-min-nodes",
                                                 "wckey"};
  return names;
}

const std::vector<std::string>& mpi_option_names() {
  static const std::vector<std::string> names = {"bind-to",     "display-allocation",
                                                 "display-map", "env",
                                                 "envall",      "f",
                                                 "genv",        "genvall",
                                                 "host",        "hostfile",
                                                 "hosts",       "iface",
                                                 "launcher",    "map-by",
                                                 "machinefile", "mca",
                                                 "mpirun",      "nolocal",
                                                 "npernode",    "oversubscribe",
                                                 "ppn",         "prefix",
                                                 "rank-by",     "report-bindings",
                                                 "wd",          "wdir"};
  return names;
}

std::string meant_option(const std::string& backend, const std::vector<std::string>& options,
                         const std::string& complaint) {
  const auto says = [&](const char* words) { return complaint.find(words) != std::string::npos; };
  if (!says("nrecognized") && !says("nknown option") && !says("nvalid option")) return "";
  const auto& names = backend == "slurm" ? slurm_option_names() : mpi_option_names();
  for (const auto& option : options) {
    const std::size_t equals = std::min(option.find('='), option.size());
    const std::string key = option.substr(0, equals);
    const bool known = std::find(names.begin(), names.end(), key) != names.end();
    if (known || complaint.find(key) == std::string::npos) continue;
    const auto near = base::nearest(key, names);
    if (near) return "did you mean --" + backend + " " + *near + option.substr(equals) + "?\n";
  }
  return "";
}

}  // namespace jobhost::backend
