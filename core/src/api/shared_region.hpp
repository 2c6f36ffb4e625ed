#pragma once

#include <memory>
#include <string>

#include "base/env.hpp"
#include "jobhost/detail/runtime.hpp"
#include "store/mailbox.hpp"

namespace jobhost::api {

/// A value that a pool's lanes find in the mailbox, or in files when it is large, for as long as anybody refers to it.
class SharedRegion : public detail::SharedValue {
 public:
  /// Writes the value. `folder` is for files. Throws Error.
  SharedRegion(base::Env& env, std::shared_ptr<store::Mailbox> mailbox, const std::string& folder,
               const detail::Value& value);
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;
  ~SharedRegion() override;

  const store::RequestColumn& column() const { return column_; }

 private:
  void write_files(const detail::Value& value);

  base::Env& env_;
  std::shared_ptr<store::Mailbox> mailbox_;
  std::string folder_;
  store::RequestColumn column_;
};

}  // namespace jobhost::api
