#pragma once

#include <map>
#include <string>

#include "cli/session.hpp"
#include "dashboard/server.hpp"

namespace jobhost::cli {

/// Jobs of the session's store for the dashboard. Documents are kept for ten times as long as it took to make them, so
/// that looking costs at most a tenth of one processor, however many pages are open.
class DashboardContent : public dashboard::Content {
 public:
  DashboardContent(Session& session, bool may_cancel) : session_(session), may_cancel_(may_cancel) {}

  std::string page(const std::string& job) override;
  std::string jobs() override;
  std::string document(const std::string& job) override;
  std::string cancel(const std::string& job) override;

 private:
  struct Kept {
    std::string text;
    std::uint64_t until_ns = 0;
  };
  template <class Make>
  std::string kept(const std::string& name, const Make& make);

  Session& session_;
  bool may_cancel_;
  std::map<std::string, Kept> kept_;  // by job; "" for the list of all
};

}  // namespace jobhost::cli
