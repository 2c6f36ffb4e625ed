#pragma once

#include <cstdint>
#include <vector>

namespace jobhost::cli {

/// One coordinate of the points of a Latin hypercube in the unit cube (McKay, Beckman and Conover, "A Comparison of
/// Three Methods for Selecting Values of Input Variables", 1979): each of `points` slices of equal width holds one
/// point, at a random place in it; which one is a random permutation (Fisher and Yates, in Durstenfeld's form).
/// Random words are those of Philox4x64-10 with key {seed, 1} and counter {k, coordinate, 0, 0}, the first of k for
/// step k of the permutation, the second for the place of point k.
std::vector<double> latin_hypercube(std::uint64_t points, std::uint64_t coordinate, std::uint64_t seed);

}  // namespace jobhost::cli
