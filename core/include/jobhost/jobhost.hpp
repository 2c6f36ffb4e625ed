#pragma once

#include "jobhost/async.hpp"
#include "jobhost/errors.hpp"
#include "jobhost/options.hpp"
#include "jobhost/results.hpp"
#include "jobhost/verbs.hpp"
