#include "hdf5/hdf5_file.hpp"

#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>

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

hid_t number_type(const Values& values) {
  if (values.kind == schema::Kind::kFloating) return values.width == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  switch (values.width) {
    case 1:
      return values.is_signed ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8;
    case 2:
      return values.is_signed ? H5T_NATIVE_INT16 : H5T_NATIVE_UINT16;
    case 4:
      return values.is_signed ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT32;
    default:
      return values.is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
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

}  // namespace

Hdf5File::Hdf5File(std::string path) : path_(std::move(path)) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to print
  file_ = checked(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
}

Hdf5File::~Hdf5File() {
  for (const auto& dimension : dimensions_) H5Dclose(dimension.dataset);
  if (file_ >= 0) H5Fclose(file_);
}

std::int64_t Hdf5File::checked(std::int64_t result) const {
  if (result >= 0) return result;
  std::string words = "unknown error";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &first_words, &words);
  throw base::Error(base::ExitCode::kBackendFailed, "cannot write '" + path_ + "': HDF5 says: " + words);
}

void Hdf5File::describe(const Attributes& attributes) {
  for (const auto& [name, value] : attributes) checked(attach_text(file_, name, value) ? 0 : -1);
}

std::int64_t Hdf5File::write(const std::string& name, const Values& values, const std::vector<std::uint64_t>& shape) {
  const std::vector<hsize_t> lengths(shape.begin(), shape.end());
  const Handle space(checked(shape.empty() ? H5Screate(H5S_SCALAR)
                                           : H5Screate_simple(static_cast<int>(shape.size()), lengths.data(), nullptr)),
                     H5Sclose);
  const bool texts = values.kind == schema::Kind::kString;
  const Handle type(checked(texts ? text_type() : H5Tcopy(number_type(values))), H5Tclose);
  const hid_t dataset =
      checked(H5Dcreate2(file_, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  std::vector<const char*> pointers;
  for (const auto& text : values.texts) pointers.push_back(text.c_str());
  const void* data = texts ? static_cast<const void*>(pointers.data()) : values.numbers.data();
  herr_t done = 0;
  if (std::find(shape.begin(), shape.end(), 0) == shape.end()) {
    done = H5Dwrite(dataset, type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
  }
  // netCDF has no truth values; xarray knows them by this.
  if (done >= 0 && values.kind == schema::Kind::kBool) done = attach_text(dataset, "dtype", "bool") ? 0 : -1;
  if (done < 0) H5Dclose(dataset);
  checked(done);
  return dataset;
}

void Hdf5File::add_dimension(const std::string& name, const Values& labels) {
  const std::uint64_t length =
      labels.kind == schema::Kind::kString ? labels.texts.size() : labels.numbers.size() / labels.width;
  dimensions_.push_back({name, write(name, labels, {length}), length});
  checked(H5DSset_scale(dimensions_.back().dataset, name.c_str()));
}

void Hdf5File::add(const std::string& name, const Values& values, const std::vector<std::string>& dimensions,
                   const Attributes& attributes) {
  std::vector<const Dimension*> along;
  std::vector<std::uint64_t> shape;
  for (const auto& wanted : dimensions) {
    along.push_back(&*std::find_if(dimensions_.begin(), dimensions_.end(),
                                   [&](const Dimension& dimension) { return dimension.name == wanted; }));
    shape.push_back(along.back()->length);
  }
  const Handle dataset(write(name, values, shape), H5Dclose);
  for (unsigned i = 0; i < along.size(); ++i) checked(H5DSattach_scale(dataset.id(), along[i]->dataset, i));
  for (const auto& [key, value] : attributes) checked(attach_text(dataset.id(), key, value) ? 0 : -1);
}

void Hdf5File::close() {
  for (const auto& dimension : dimensions_) checked(H5Dclose(dimension.dataset));
  dimensions_.clear();
  const hid_t file = std::exchange(file_, -1);
  checked(H5Fclose(file));
}

}  // namespace jobhost::hdf5
