// A program that links both twins and maps their kernels.
#include <cstdio>
#include <jobhost/jobhost.hpp>

std::string first_twin(int);
std::string second_twin(int);

int main(int argc, char** argv) {
  const jobhost::Options options{.backend = argc > 1 ? argv[1] : "processes", .workers = 2};
  const std::vector<int> xs = {0, 1, 2, 3};
  for (const auto& text : jobhost::map(options, first_twin, xs)) std::printf("%s\n", text.c_str());
  for (const auto& text : jobhost::map(options, second_twin, xs)) std::printf("%s\n", text.c_str());
  const auto both = [](int x) { return first_twin(x) + " | " + second_twin(x); };
  for (const auto& text : jobhost::map(options, both, xs)) std::printf("%s\n", text.c_str());
}
