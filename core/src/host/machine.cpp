#include "host/machine.hpp"

#include <cpuid.h>
#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include <array>
#include <cstring>

namespace jobhost::host {

std::string processor_model() {
  // What the kernel shows as "model name"; reading that takes milliseconds where there are many processors.
  constexpr unsigned kFirst = 0x80000002, kLast = 0x80000004;
  std::array<unsigned, 4> words{};
  std::string name;
  if (static_cast<unsigned>(__get_cpuid_max(0x80000000, nullptr)) < kLast) return name;
  for (unsigned leaf = kFirst; leaf <= kLast; ++leaf) {
    __get_cpuid(leaf, &words[0], &words[1], &words[2], &words[3]);
    char text[sizeof words];
    std::memcpy(text, words.data(), sizeof text);
    name.append(text, ::strnlen(text, sizeof text));
  }
  const std::size_t begin = name.find_first_not_of(' '), end = name.find_last_not_of(' ');
  return begin == std::string::npos ? "" : name.substr(begin, end - begin + 1);
}

std::string system_release() {
  utsname system{};
  if (::uname(&system) != 0) return "";
  return std::string(system.sysname) + " " + system.release + ", glibc " + ::gnu_get_libc_version();
}

}  // namespace jobhost::host
