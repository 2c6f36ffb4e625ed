#pragma once

#include <string>

/// This machine, for provenance.
namespace jobhost::host {

/// "AMD EPYC 7763 64-Core Processor", as /proc/cpuinfo calls it; "" where the processor does not say.
std::string processor_model();

/// Kernel and C library: "Linux 6.1.0-18-amd64, glibc 2.36".
std::string system_release();

}  // namespace jobhost::host
