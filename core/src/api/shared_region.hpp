#pragma once

#include <memory>

#include "jobhost/detail/runtime.hpp"
#include "store/mailbox.hpp"

namespace jobhost::api {

/// A value in the mailbox for as long as anybody refers to it.
class SharedRegion : public detail::SharedValue {
 public:
  /// Writes the value there; a large one with the help of other threads.
  SharedRegion(std::shared_ptr<store::Mailbox> mailbox, const detail::Value& value);
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;
  ~SharedRegion() override { mailbox_->unshare(place_, size_); }

  store::RequestColumn column() const { return {store::RequestColumn::Kind::kConstant, 0, place_, size_}; }

 private:
  std::shared_ptr<store::Mailbox> mailbox_;
  std::uint64_t size_, place_;
};

}  // namespace jobhost::api
