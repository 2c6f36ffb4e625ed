#pragma once

/// Maps functions, lambdas and members of a program made by add_job_program() over inputs: docs/cpp_api.md.

#include "jobhost/async.hpp"
#include "jobhost/errors.hpp"
#include "jobhost/exception.hpp"
#include "jobhost/global.hpp"
#include "jobhost/options.hpp"
#include "jobhost/pool.hpp"
#include "jobhost/results.hpp"
#include "jobhost/verbs.hpp"

// Classes that only cereal can serialise travel where its header comes first.
#ifdef CEREAL_CEREAL_HPP_
#include "jobhost/sdk/cereal.hpp"
#endif
