#pragma once

#include "bundle/calling_context.hpp"

namespace jobhost::context {

/// Fills in locale and cpp_locale with those of this process.
void capture_locale(bundle::CallingContext& context);
/// Throws Error(kPluginRefused) naming a locale that is not installed here.
void restore_locale(const bundle::CallingContext& context);

/// The zone that TZ names, if there is one of that name, else the machine's.
std::string own_time_zone();
/// The machine's time zone, "Europe/Zurich"; "" when it has none with a name.
std::string system_time_zone();
/// What TZ must be where the machine's zone is `here`, for local times to be those of the context; "": as it is.
std::string time_zone_variable(const bundle::CallingContext& context, const std::string& here);
/// Sets TZ where it takes that. Throws Error(kPluginRefused) when the zone is not known here.
void restore_time_zone(const bundle::CallingContext& context);

}  // namespace jobhost::context
