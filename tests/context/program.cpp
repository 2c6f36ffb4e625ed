// A program with unusual surroundings, which asks tasks what they see of them.
//   surrounded ASPECT BACKEND: a line for the program and one for each of four tasks
#include <unistd.h>
#include <xmmintrin.h>

#include <cfenv>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <jobhost/jobhost.hpp>
#include <locale>
#include <numeric>

namespace {

std::vector<double> table;
const jobhost::Global table_travels(table);
std::vector<double> squares;  // does not travel
int calls = 0;
int travelling_calls = 10;
const jobhost::Global calls_travel(travelling_calls);

std::string arithmetic(int) {
  volatile double one = 1, three = 3, tiny = 1e-310, half = 0.5;
  volatile long double long_one = 1;
  char text[128];
  std::snprintf(text, sizeof text, "%a %a %d", one / three, tiny * half,
                static_cast<int>(long_one + 1e-19L != long_one));
  return text;
}

std::string traps(int) {
  return "masked exceptions " + std::to_string(~static_cast<unsigned>(fegetexcept()) & FE_ALL_EXCEPT);
}

/// What a division by zero does; in the program it would end it.
double divide(double by) {
  volatile double zero = by;
  return 1 / zero;
}

std::string x87(int) {
  unsigned short word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return "x87 precision " + std::to_string(word >> 8 & 3) + " rounding " + std::to_string(word >> 10 & 3);
}

std::string locale(int) {
  char text[64];
  wchar_t letter = 0;
  const int bytes = std::mbtowc(&letter, "\xc3\xa4", 2);
  std::snprintf(text, sizeof text, "%s %s %d ", std::setlocale(LC_CTYPE, nullptr), std::setlocale(LC_NUMERIC, nullptr),
                bytes);
  return text + std::locale().name();
}

std::string working_directory(int) {
  char path[4096];
  return ::getcwd(path, sizeof path) ? path : "";
}

std::string arguments(int) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string all, word;
  while (std::getline(file, word, '\0')) all += (all.empty() ? "" : "|") + word;
  return all;
}

std::string variable(int) {
  const char* value = std::getenv("OMP_NUM_THREADS");
  return value ? value : "not set";
}

std::string secret(int) {
  const char* value = std::getenv("MY_TOKEN");
  return value ? value : "not set";
}

std::string global(int) { return std::to_string(std::accumulate(table.begin(), table.end(), 0.0)); }

void make_squares() {
  for (const double x : table) squares.push_back(x * x);
}
std::string initialised(int) { return std::to_string(squares.size()); }

std::string undeclared(int) { return std::to_string(++calls > 0); }
std::string isolated(int) { return std::to_string(++travelling_calls); }

void tell(const std::string& aspect, const std::string& backend, std::string (*see)(int),
          jobhost::Options options = {}) {
  options.backend = backend;
  options.workers = options.isolate_globals && backend == "threads" ? 1 : 2;
  options.note = [](const std::string& note) { std::printf("note: %s\n", note.c_str()); };
  if (aspect != "initialised" && aspect != "undeclared" && aspect != "isolated") std::printf("%s\n", see(0).c_str());
  for (const auto& text : jobhost::map(options, see, std::vector<int>{0, 1, 2, 3})) std::printf("%s\n", text.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string aspect = argv[1], backend = argv[2];
  table = {1, 2, 3.5};
  if (aspect == "rounding") {
    std::fesetround(FE_UPWARD);
    tell(aspect, backend, arithmetic);
  } else if (aspect == "denormals") {
    _mm_setcsr(_mm_getcsr() | 0x8040);
    tell(aspect, backend, arithmetic);
  } else if (aspect == "traps") {
    ::feenableexcept(FE_DIVBYZERO | FE_INVALID);
    tell(aspect, backend, traps);
    jobhost::Options options{.backend = backend, .workers = 2, .retries = 0};
    const std::vector<double> by = {1, 0, 2};
    for (const auto& outcome : jobhost::outcomes(options, divide, by)) {
      std::printf("%s\n", outcome ? "fine" : outcome.failure().message().c_str());
    }
  } else if (aspect == "x87") {
    unsigned short word = 0;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    word = static_cast<unsigned short>((word & ~0xf00) | 0x200 | 0x400);  // double precision, downward
    __asm__ volatile("fldcw %0" : : "m"(word));
    tell(aspect, backend, x87);
  } else if (aspect == "locale") {
    std::locale::global(std::locale("C.UTF-8"));
    std::setlocale(LC_NUMERIC, "POSIX");
    tell(aspect, backend, locale);
  } else if (aspect == "working_directory") {
    if (::chdir("/usr/share") != 0) return 1;
    tell(aspect, backend, working_directory);
  } else if (aspect == "arguments") {
    tell(aspect, backend, arguments);
  } else if (aspect == "environment") {
    ::setenv("OMP_NUM_THREADS", "17", 1);
    tell(aspect, backend, variable);
  } else if (aspect == "secrets") {
    ::setenv("MY_TOKEN", "t0", 1);
    tell(aspect, backend, secret, {.environment = {"MY_TOKEN"}});
  } else if (aspect == "globals") {
    tell(aspect, backend, global);
  } else if (aspect == "initialised") {
    tell(aspect, backend, initialised, {.init = make_squares});
  } else if (aspect == "undeclared") {
    tell(aspect, backend, undeclared);
  } else if (aspect == "isolated") {
    tell(aspect, backend, isolated, {.isolate_globals = true});
  } else {
    return 2;
  }
}
