#include "bundle/inputs_json.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/json_checks.hpp"

namespace jobhost::bundle {
namespace {

using Json = nlohmann::ordered_json;

using base::Malformed;
using base::whole_number;

Json source_json(const Source& source) {
  Json json = {{"parameter", source.parameter}};
  if (const auto* constant = std::get_if<Constant>(&source.values)) {
    json["constant"] = base::to_hex(constant->value);
  } else if (const auto* range = std::get_if<IntegerRange>(&source.values)) {
    json["integers"] = {{"start", range->start}, {"step", range->step}};
  } else if (const auto* line = std::get_if<FloatRange>(&source.values)) {
    json["floats"] = {{"start", line->start}, {"step", line->step}};
  } else if (const auto* decimals = std::get_if<DecimalRange>(&source.values)) {
    json["decimals"] = {{"start", decimals->start}, {"step", decimals->step}, {"places", decimals->places}};
  } else if (const auto* points = std::get_if<Linspace>(&source.values)) {
    json["linspace"] = {{"first", points->first}, {"last", points->last}, {"count", points->count}};
  } else if (const auto* seeds = std::get_if<Seeds>(&source.values)) {
    json["seeds"] = {{"key", seeds->key}};
  } else {
    const auto& stored = std::get<Stored>(source.values);
    json["stored"] = {{"pack", stored.pack}, {"column", stored.column}};
  }
  if (source.common) json["common"] = true;
  return json;
}

DecimalRange decimals_from(const Json& json, std::uint64_t length) {
  const DecimalRange range{whole_number<std::int64_t>(json.at("start")), whole_number<std::int64_t>(json.at("step")),
                           whole_number<unsigned>(json.at("places"))};
  const auto within = [](__int128 numerator) {
    return -DecimalRange::kMaxNumerator <= numerator && numerator <= DecimalRange::kMaxNumerator;
  };
  const __int128 last = range.start + static_cast<__int128>(length) * range.step - (length > 0 ? range.step : 0);
  if (range.places > DecimalRange::kMaxPlaces || !within(range.start) || !within(range.step) || !within(last)) {
    throw Malformed{"a range of decimals has too many digits"};
  }
  return range;
}

Source source_from(const Json& json, std::uint64_t length, std::size_t packs) {
  Source source;
  source.parameter = whole_number<std::uint32_t>(json.at("parameter"));
  if (json.contains("constant")) {
    source.values = Constant{base::from_hex(json.at("constant"))};
  } else if (json.contains("integers")) {
    source.values = IntegerRange{whole_number<std::uint64_t>(json.at("integers").at("start")),
                                 whole_number<std::uint64_t>(json.at("integers").at("step"))};
  } else if (json.contains("floats")) {
    source.values = FloatRange{json.at("floats").at("start"), json.at("floats").at("step")};
  } else if (json.contains("decimals")) {
    source.values = decimals_from(json.at("decimals"), length);
  } else if (json.contains("linspace")) {
    const Json& points = json.at("linspace");
    source.values = Linspace{points.at("first"), points.at("last"), whole_number<std::uint64_t>(points.at("count"))};
  } else if (json.contains("seeds")) {
    source.values = Seeds{whole_number<std::uint64_t>(json.at("seeds").at("key"))};
  } else if (json.contains("stored")) {
    const Stored stored{whole_number<std::uint32_t>(json.at("stored").at("pack")),
                        whole_number<std::uint32_t>(json.at("stored").at("column"))};
    if (stored.pack >= packs) throw Malformed{"an axis refers to a pack that is not listed"};
    source.values = stored;
  } else {
    throw Malformed{"they have a source of a kind that this jobhost does not know"};
  }
  source.common = json.value("common", false);
  return source;
}

Inputs from(const Json& json) {
  Inputs inputs;
  for (const auto& pack : json.at("packs")) {
    inputs.packs.push_back({whole_number<std::uint64_t>(pack.at("rows")), pack.at("file"), pack.at("index_sha256")});
    const std::string& file = inputs.packs.back().file;
    const bool safe =
        file.starts_with("inputs/") && file.size() > 7 && file.find_first_not_of("0123456789", 7) == std::string::npos;
    if (!safe) throw Malformed{"'" + file + "' is not the name of a pack"};
  }
  for (const auto& entry : json.at("axes")) {
    Axis axis;
    axis.length = whole_number<std::uint64_t>(entry.at("length"));
    for (const auto& source : entry.at("sources")) {
      axis.sources.push_back(source_from(source, axis.length, inputs.packs.size()));
      if (axis.sources.back().common && axis.length != 1) throw Malformed{"a common value is on an axis of many"};
      const auto* stored = std::get_if<Stored>(&axis.sources.back().values);
      if (stored && inputs.packs[stored->pack].rows < axis.length) throw Malformed{"an axis is longer than its pack"};
    }
    inputs.axes.push_back(std::move(axis));
  }
  return inputs;
}

}  // namespace

std::string inputs_to_json(const Inputs& inputs) {
  Json axes = Json::array(), packs = Json::array();
  for (const auto& axis : inputs.axes) {
    Json sources = Json::array();
    for (const auto& source : axis.sources) sources.push_back(source_json(source));
    axes.push_back({{"length", axis.length}, {"sources", std::move(sources)}});
  }
  for (const auto& pack : inputs.packs) {
    packs.push_back({{"file", pack.file}, {"rows", pack.rows}, {"index_sha256", pack.index_sha256}});
  }
  const Json json = {{"axes", std::move(axes)}, {"packs", std::move(packs)}};
  return json.dump();
}

Inputs inputs_from_json(const std::string& text, const std::string& where) {
  const auto damaged = [&](const std::string& why) {
    return base::Error(base::ExitCode::kDamaged, "the inputs in '" + where + "' are damaged: " + why);
  };
  if (const std::string why = base::json_excess(text); !why.empty()) throw damaged(why);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw damaged("they are not a JSON object");
  try {
    return from(json);
  } catch (const Malformed& bad) {
    throw damaged(bad.why);
  } catch (const Json::exception& error) {
    throw damaged(error.what());
  }
}

}  // namespace jobhost::bundle
