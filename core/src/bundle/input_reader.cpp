#include "bundle/input_reader.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "bundle/pack_reader.hpp"

namespace jobhost::bundle {
namespace {

/// Values of one parameter for a batch, and the memory they are made in.
struct Slot {
  const Source* source = nullptr;
  const schema::Type* type = nullptr;
  std::uint64_t size = 0;  // 0: varies
  std::size_t axis = 0;
  base::Bytes values;
  std::vector<std::uint64_t> offsets;
};

/// An x87 long double whose padding is zero.
struct Extended {
  explicit Extended(long double value = 0) { std::memcpy(raw, &value, 10); }
  unsigned char raw[16] = {};
};

template <class T, class Make>
void fill(Slot& slot, std::uint64_t n, std::uint64_t position, std::uint64_t length, std::uint64_t repeat,
          std::uint64_t phase, Make make) {
  auto* out = slot.values.data();
  if (repeat == 1) {
    // The innermost axis: runs that the compiler can vectorise, cut where the axis starts over.
    for (std::uint64_t i = 0; i < n;) {
      const std::uint64_t run = std::min(n - i, length - position);
      for (std::uint64_t k = 0; k < run; ++k) {
        const T value = make(position + k);
        std::memcpy(out + (i + k) * sizeof(T), &value, sizeof(T));
      }
      i += run;
      position = 0;
    }
    return;
  }
  for (std::uint64_t i = 0; i < n;) {
    const T value = make(position);
    const std::uint64_t run = std::min(n - i, repeat - phase);
    for (std::uint64_t k = 0; k < run; ++k) std::memcpy(out + (i + k) * sizeof(T), &value, sizeof(T));
    i += run;
    phase = 0;
    position = position + 1 == length ? 0 : position + 1;
  }
}

}  // namespace

struct InputReader::State {
  base::Env& env;
  Inputs inputs;
  schema::Kernel kernel;
  std::string directory;
  std::vector<Slot> slots;             // by parameter
  std::vector<std::uint64_t> repeats;  // by axis: tasks per position
  std::map<std::uint32_t, std::unique_ptr<PackReader>> packs;
  std::vector<jobhost_column> row;

  PackReader& pack(std::uint32_t number) {
    auto& reader = packs[number];
    if (!reader) {
      reader =
          std::make_unique<PackReader>(env, directory, inputs.packs.at(number), column_sizes(number, inputs, kernel));
    }
    return *reader;
  }

  jobhost_column constant(const Slot& slot, base::ByteView value) const {
    if (slot.size != 0 && value.size() != slot.size) {
      throw base::Error(base::ExitCode::kDamaged, "a constant input does not fit its parameter's type");
    }
    return {value.data(), nullptr, 0, value.size()};
  }

  void make_range(Slot& slot, std::uint64_t n, std::uint64_t position, std::uint64_t length, std::uint64_t repeat,
                  std::uint64_t phase);
  void make_seeds(Slot& slot, std::uint64_t key, std::uint64_t first, std::uint64_t n) const;
  void gather(Slot& slot, const Stored& stored, std::uint64_t n, std::uint64_t position, std::uint64_t length,
              std::uint64_t repeat, std::uint64_t phase);
};

InputReader::InputReader(base::Env& env, const Inputs& inputs, const schema::Kernel& kernel, std::string job_directory)
    : state_(std::make_unique<State>(State{env, inputs, kernel, std::move(job_directory), {}, {}, {}, {}})) {
  State& state = *state_;
  state.slots.resize(kernel.parameters.size());
  state.repeats.resize(state.inputs.axes.size(), 1);
  for (std::size_t a = state.inputs.axes.size(); a-- > 1;) {
    state.repeats[a - 1] = state.repeats[a] * state.inputs.axes[a].length;
  }
  for (std::size_t a = 0; a < state.inputs.axes.size(); ++a) {
    for (const auto& source : state.inputs.axes[a].sources) {
      if (source.parameter >= state.slots.size()) {
        throw base::Error(base::ExitCode::kDamaged, "the inputs refer to a parameter that the kernel does not have");
      }
      Slot& slot = state.slots[source.parameter];
      slot.source = &source;
      slot.type = &state.kernel.parameters[source.parameter].type;
      slot.size = schema::fixed_size(*slot.type).value_or(0);
      slot.axis = a;
    }
  }
  for (std::size_t p = 0; p < state.slots.size(); ++p) {
    if (!state.slots[p].source) {
      throw base::Error(base::ExitCode::kDamaged,
                        "the inputs have no values for parameter '" + kernel.parameters[p].name + "'");
    }
  }
}

InputReader::~InputReader() = default;

void InputReader::State::make_range(Slot& slot, std::uint64_t n, std::uint64_t position, std::uint64_t length,
                                    std::uint64_t repeat, std::uint64_t phase) {
  slot.values.resize(n * slot.size);
  if (const auto* range = std::get_if<IntegerRange>(&slot.source->values)) {
    const auto make = [start = range->start, step = range->step](std::uint64_t k) { return start + k * step; };
    switch (slot.size) {
      case 1:
        return fill<std::uint8_t>(slot, n, position, length, repeat, phase, make);
      case 2:
        return fill<std::uint16_t>(slot, n, position, length, repeat, phase, make);
      case 4:
        return fill<std::uint32_t>(slot, n, position, length, repeat, phase, make);
      default:
        return fill<std::uint64_t>(slot, n, position, length, repeat, phase, make);
    }
  }
  const auto fill_floats = [&](auto make) {
    if (slot.size == 4) return fill<float>(slot, n, position, length, repeat, phase, make);
    if (slot.size == 8) return fill<double>(slot, n, position, length, repeat, phase, make);
    fill<Extended>(slot, n, position, length, repeat, phase,
                   [&](std::uint64_t k) { return Extended(static_cast<long double>(make(k))); });
  };
  if (const auto* points = std::get_if<Linspace>(&slot.source->values)) {
    const double step =
        points->count > 1 ? (points->last - points->first) / static_cast<double>(points->count - 1) : 0.0;
    return fill_floats([points, step](std::uint64_t k) {
      return k > 0 && k + 1 == points->count ? points->last : points->first + static_cast<double>(k) * step;
    });
  }
  if (const auto* decimals = std::get_if<DecimalRange>(&slot.source->values)) {
    double power = 1;
    for (unsigned i = 0; i < decimals->places; ++i) power *= 10;
    const auto start = static_cast<double>(decimals->start), step = static_cast<double>(decimals->step);
    if (slot.size > 8) {
      return fill<Extended>(slot, n, position, length, repeat, phase, [=](std::uint64_t k) {
        return Extended(static_cast<long double>(start + static_cast<double>(k) * step) / power);
      });
    }
    return fill_floats([=](std::uint64_t k) { return (start + static_cast<double>(k) * step) / power; });
  }
  const auto& range = std::get<FloatRange>(slot.source->values);
  if (slot.size > 8) {
    return fill<Extended>(slot, n, position, length, repeat, phase, [&](std::uint64_t k) {
      return Extended(static_cast<long double>(range.start) + static_cast<long double>(k) * range.step);
    });
  }
  fill_floats(
      [start = range.start, step = range.step](std::uint64_t k) { return start + static_cast<double>(k) * step; });
}

void InputReader::State::make_seeds(Slot& slot, std::uint64_t key, std::uint64_t first, std::uint64_t n) const {
  slot.values.resize(n * slot.size);
  const std::uint64_t mask = slot.type->is_signed ? ~(std::uint64_t{1} << (8 * slot.size - 1)) : ~std::uint64_t{0};
  r123::Philox4x64 philox;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t value = philox({{first + i, 0, 0, 0}}, {{key, 0}})[0] & mask;
    std::memcpy(slot.values.data() + i * slot.size, &value, slot.size);
  }
}

void InputReader::State::gather(Slot& slot, const Stored& stored, std::uint64_t n, std::uint64_t position,
                                std::uint64_t length, std::uint64_t repeat, std::uint64_t phase) {
  slot.values.clear();
  slot.offsets.assign(1, 0);
  for (std::uint64_t i = 0; i < n;) {
    pack(stored.pack).rows_from(position, row);
    const auto value = value_at(row.at(stored.column), 0);
    const std::uint64_t run = std::min(n - i, repeat - phase);
    for (std::uint64_t k = 0; k < run; ++k) {
      slot.values.insert(slot.values.end(), value.begin(), value.end());
      slot.offsets.push_back(slot.values.size());
    }
    i += run;
    phase = 0;
    position = position + 1 == length ? 0 : position + 1;
  }
}

std::uint64_t InputReader::read(std::uint64_t first, std::uint64_t n, std::vector<jobhost_column>& columns) {
  State& state = *state_;
  columns.resize(state.slots.size());
  const bool single_axis_stored = std::any_of(state.slots.begin(), state.slots.end(), [&](const Slot& slot) {
    return std::holds_alternative<Stored>(slot.source->values) && state.repeats[slot.axis] == 1;
  });
  if (single_axis_stored) {
    // Stored values of the innermost axis are used where they lie, so the batch ends with their segment.
    for (const auto& slot : state.slots) {
      const auto* stored = std::get_if<Stored>(&slot.source->values);
      if (!stored || state.repeats[slot.axis] != 1) continue;
      const std::uint64_t length = state.inputs.axes[slot.axis].length, position = first % length;
      n = std::min({n, length - position, state.pack(stored->pack).rows_from(position, state.row)});
    }
  }
  for (std::size_t p = 0; p < state.slots.size(); ++p) {
    Slot& slot = state.slots[p];
    const std::uint64_t length = state.inputs.axes[slot.axis].length, repeat = state.repeats[slot.axis];
    const std::uint64_t position = first / repeat % length, phase = first % repeat;
    if (const auto* value = std::get_if<Constant>(&slot.source->values)) {
      columns[p] = state.constant(slot, value->value);
      continue;
    }
    if (const auto* seeds = std::get_if<Seeds>(&slot.source->values)) {
      state.make_seeds(slot, seeds->key, first, n);
      columns[p] = {slot.values.data(), nullptr, slot.size, slot.size};
      continue;
    }
    const bool constant_here = phase + n <= repeat;
    if (const auto* stored = std::get_if<Stored>(&slot.source->values)) {
      if (repeat == 1) {
        state.pack(stored->pack).rows_from(position, state.row);
        columns[p] = state.row.at(stored->column);
      } else if (constant_here) {
        state.pack(stored->pack).rows_from(position, state.row);
        columns[p] = state.constant(slot, value_at(state.row.at(stored->column), 0));
      } else {
        state.gather(slot, *stored, n, position, length, repeat, phase);
        columns[p] = slot.size != 0 ? jobhost_column{slot.values.data(), nullptr, slot.size, slot.size}
                                    : jobhost_column{slot.values.data(), slot.offsets.data(), 0, 0};
      }
      continue;
    }
    state.make_range(slot, constant_here && repeat > 1 ? 1 : n, position, length, repeat, phase);
    columns[p] = {slot.values.data(), nullptr, constant_here && repeat > 1 ? 0 : slot.size, slot.size};
  }
  return n;
}

std::uint64_t InputReader::read_shown(std::uint64_t first, std::uint64_t n, std::vector<jobhost_column>& columns) {
  n = read(first, n, columns);
  columns.erase(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(state_->kernel.own));
  return n;
}

}  // namespace jobhost::bundle
