#include "api/shared_region.hpp"

#include <cstring>

#include "api/value.hpp"
#include "store/shared_file.hpp"

namespace jobhost::api {
namespace {

using store::RequestColumn;

constexpr std::uint64_t kLarge = 4 << 20;  // bytes

class Copier : public detail::ByteSink {
 public:
  explicit Copier(unsigned char* to) : to_(to) {}
  void bytes(const void* from, std::uint64_t size) override {
    if (size > 0) std::memcpy(to_, from, size);
    to_ += size;
  }

 private:
  unsigned char* to_;
};

class FileSink : public detail::ByteSink {
 public:
  explicit FileSink(store::SharedFileWriter& file) : file_(file) {}
  void bytes(const void* from, std::uint64_t size) override { write(from, size, false); }
  void last_bytes(const void* from, std::uint64_t size) override { write(from, size, true); }

 private:
  void write(const void* from, std::uint64_t size, bool last) {
    file_.write({static_cast<const unsigned char*>(from), size}, last);
  }
  store::SharedFileWriter& file_;
};

}  // namespace

SharedRegion::SharedRegion(base::Env& env, std::shared_ptr<store::Mailbox> mailbox, const std::string& folder,
                           const detail::Value& value)
    : env_(env), mailbox_(std::move(mailbox)), folder_(folder) {
  column_.size = size_of(value);
  if (column_.size >= kLarge) {
    write_files(value);
  } else {
    column_.data = mailbox_->share(column_.size);
    Copier copier(mailbox_->memory().at(column_.data, column_.size));
    write_to(copier, value);
  }
}

void SharedRegion::write_files(const detail::Value& value) {
  column_.kind = RequestColumn::Kind::kFile;
  env_.random(&column_.data, sizeof column_.data);
  store::SharedFileWriter file(env_, store::shared_file_path(folder_, column_.data), column_.size);
  column_.width = file.stripes();
  FileSink sink(file);
  write_to(sink, value);
  file.keep();
}

SharedRegion::~SharedRegion() {
  if (column_.kind == RequestColumn::Kind::kFile) {
    store::remove_shared_file(env_, store::shared_file_path(folder_, column_.data), column_.width);
  } else {
    mailbox_->unshare(column_.data, column_.size);
  }
}

}  // namespace jobhost::api
