#include "hdf5/hdf5_file.hpp"

#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <string_view>

#include "base/error.hpp"

namespace jobhost::hdf5 {
namespace {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

/// Closes what HDF5 opened.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t id() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

herr_t first_words(unsigned number, const H5E_error2_t* error, void* words) {
  if (number == 0 && error->desc) *static_cast<std::string*>(words) = error->desc;
  return 0;
}

hid_t number_type(const Form& form) {
  if (form.kind == schema::Kind::kFloating) return form.width == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  switch (form.width) {
    case 1:
      return form.is_signed ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8;
    case 2:
      return form.is_signed ? H5T_NATIVE_INT16 : H5T_NATIVE_UINT16;
    case 4:
      return form.is_signed ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT32;
    default:
      return form.is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
  }
}

/// Of any length, in UTF-8.
hid_t text_type() {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

bool attach_text(hid_t object, const std::string& name, const std::string& value) {
  const Handle type(text_type(), H5Tclose), space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(object, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const char* text = value.c_str();
  return attribute.id() >= 0 && H5Awrite(attribute.id(), type.id(), static_cast<const void*>(&text)) >= 0;
}

bool attach_fill(hid_t object, const Form& form) {
  const hsize_t one = 1;
  const Handle space(H5Screate_simple(1, &one, nullptr), H5Sclose);
  const Handle attribute(H5Acreate2(object, "_FillValue", number_type(form), space.id(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  return attribute.id() >= 0 && H5Awrite(attribute.id(), number_type(form), &*form.fill) >= 0;
}

/// Calls `use(start, count)` for boxes that together are the positions [first, end), one behind the other.
template <class Use>
void each_box(const std::vector<std::uint64_t>& shape, std::uint64_t first, std::uint64_t end, const Use& use) {
  const std::size_t rank = shape.size();
  std::vector<hsize_t> start(rank), count(rank);
  while (first < end) {
    // Whole lines, planes, … along the first axis on which some of them begin here and end in time.
    std::size_t axis = rank;
    std::uint64_t step = 1, left = first;
    for (std::size_t a = rank; a-- > 0;) {
      start[a] = left % shape[a];
      left /= shape[a];
    }
    do {
      --axis;
      if (axis + 1 < rank) step *= shape[axis + 1];
    } while (axis > 0 && start[axis] == 0 && first + step * shape[axis] <= end);
    const std::uint64_t steps = std::min<std::uint64_t>((end - first) / step, shape[axis] - start[axis]);
    for (std::size_t a = 0; a < rank; ++a) count[a] = a < axis ? 1 : a == axis ? steps : shape[a];
    use(start, count);
    first += steps * step;
  }
}

}  // namespace

Hdf5File::Hdf5File(std::string path) : path_(std::move(path)) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to print
  file_ = checked(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
}

Hdf5File::~Hdf5File() {
  for (const auto& dataset : datasets_) H5Dclose(dataset.id);
  if (file_ >= 0) H5Fclose(file_);
}

std::int64_t Hdf5File::checked(std::int64_t result) const {
  if (result >= 0) return result;
  std::string words = "unknown error";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &first_words, &words);
  // Of a system call it tells the time, the file and more, in several lines.
  constexpr std::string_view kReason = "error message = '";
  if (const std::size_t at = words.find(kReason); at != std::string::npos) {
    words = words.substr(at + kReason.size());
    words.resize(std::min(words.find('\''), words.size()));
  }
  throw base::Error(base::ExitCode::kBackendFailed, "cannot write '" + path_ + "': HDF5 says: " + words);
}

void Hdf5File::describe(const Attributes& attributes) {
  for (const auto& [name, value] : attributes) checked(attach_text(file_, name, value) ? 0 : -1);
}

std::size_t Hdf5File::create(const std::string& name, const Form& form, std::vector<std::uint64_t> shape) {
  const std::vector<hsize_t> lengths(shape.begin(), shape.end());
  const Handle space(checked(shape.empty() ? H5Screate(H5S_SCALAR)
                                           : H5Screate_simple(static_cast<int>(shape.size()), lengths.data(), nullptr)),
                     H5Sclose);
  const Handle type(checked(form.kind == schema::Kind::kString ? text_type() : H5Tcopy(number_type(form))), H5Tclose);
  const hid_t id =
      checked(H5Dcreate2(file_, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  datasets_.push_back({name, id, std::move(shape)});
  // netCDF has no truth values; xarray knows them by this.
  if (form.kind == schema::Kind::kBool) checked(attach_text(id, "dtype", "bool") ? 0 : -1);
  if (form.fill) checked(attach_fill(id, form) ? 0 : -1);
  return datasets_.size() - 1;
}

void Hdf5File::write(std::size_t dataset, std::uint64_t first, const Values& values) {
  const bool texts = values.form.kind == schema::Kind::kString;
  const std::uint64_t count = texts ? values.texts.size() : values.numbers.size() / values.form.width;
  const Handle type(checked(texts ? text_type() : H5Tcopy(number_type(values.form))), H5Tclose);
  std::vector<const char*> pointers;
  for (const auto& text : values.texts) pointers.push_back(text.c_str());
  const void* data = texts ? static_cast<const void*>(pointers.data()) : values.numbers.data();
  const hid_t id = datasets_[dataset].id;
  const auto& shape = datasets_[dataset].shape;
  if (count == 0) return;
  if (shape.empty()) {
    checked(H5Dwrite(id, type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
    return;
  }
  const hsize_t in_memory = count;
  const Handle space(checked(H5Dget_space(id)), H5Sclose),
      memory(checked(H5Screate_simple(1, &in_memory, nullptr)), H5Sclose);
  hsize_t done = 0;
  each_box(shape, first, first + count, [&](const std::vector<hsize_t>& start, const std::vector<hsize_t>& box) {
    hsize_t size = 1;
    for (const auto length : box) size *= length;
    checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, box.data(), nullptr));
    checked(H5Sselect_hyperslab(memory.id(), H5S_SELECT_SET, &done, nullptr, &size, nullptr));
    checked(H5Dwrite(id, type.id(), memory.id(), space.id(), H5P_DEFAULT, data));
    done += size;
  });
}

bool Hdf5File::has(const std::string& name) const {
  return std::any_of(datasets_.begin(), datasets_.end(), [&](const auto& dataset) { return dataset.name == name; });
}

void Hdf5File::add_dimension(const std::string& name, const Values& labels) {
  const bool texts = labels.form.kind == schema::Kind::kString;
  const std::uint64_t length = texts ? labels.texts.size() : labels.numbers.size() / labels.form.width;
  const std::size_t dataset = create(name, labels.form, {length});
  write(dataset, 0, labels);
  checked(H5DSset_scale(datasets_[dataset].id, name.c_str()));
  dimensions_.push_back(dataset);
}

std::size_t Hdf5File::begin(const std::string& name, const Form& form, const std::vector<std::string>& dimensions,
                            const Attributes& attributes) {
  std::vector<std::int64_t> scales;
  std::vector<std::uint64_t> shape;
  for (const auto& wanted : dimensions) {
    const auto found = std::find_if(dimensions_.begin(), dimensions_.end(),
                                    [&](std::size_t dimension) { return datasets_[dimension].name == wanted; });
    scales.push_back(datasets_[*found].id);
    shape.push_back(datasets_[*found].shape[0]);
  }
  const std::size_t dataset = create(name, form, std::move(shape));
  const std::int64_t id = datasets_[dataset].id;
  for (unsigned i = 0; i < scales.size(); ++i) checked(H5DSattach_scale(id, scales[i], i));
  for (const auto& [key, value] : attributes) checked(attach_text(id, key, value) ? 0 : -1);
  return dataset;
}

void Hdf5File::add(const std::string& name, const Values& values, const std::vector<std::string>& dimensions) {
  write(begin(name, values.form, dimensions), 0, values);
}

void Hdf5File::close() {
  for (const auto& dataset : datasets_) checked(H5Dclose(dataset.id));
  datasets_.clear();
  const hid_t file = std::exchange(file_, -1);
  checked(H5Fclose(file));
}

}  // namespace jobhost::hdf5
