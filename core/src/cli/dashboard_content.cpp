#include "cli/dashboard_content.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/cancellation.hpp"
#include "cli/document.hpp"
#include "cli/job_document.hpp"
#include "cli/job_names.hpp"
#include "cli/report_document.hpp"
#include "cli/report_page.hpp"

namespace jobhost::cli {
namespace {

constexpr std::size_t kDocumentsKept = 16;

/// By its id and nothing else: what a browser sends is no path.
store::JobDirectory directory_of(Session& session, const std::string& id) {
  store::JobDirectory directory(session.store().path() + "/" + id);
  if (!base::exists(session.env, directory.manifest())) {
    throw base::Error(base::ExitCode::kUsage, "there is no job '" + id + "' in '" + session.store().path() + "'");
  }
  return directory;
}

host::Job job_of(Session& session, const std::string& id) {
  host::Job job = host::open_job(session.env, directory_of(session, id));
  job.called = call_by_id(session, id);
  return job;
}

}  // namespace

template <class Make>
std::string DashboardContent::kept(const std::string& name, const Make& make) {
  const std::uint64_t begin = session_.env.monotonic_ns();
  if (const auto found = kept_.find(name); found != kept_.end() && begin < found->second.until_ns) {
    return found->second.text;
  }
  if (kept_.size() >= kDocumentsKept) kept_.clear();
  std::string text = make();
  const std::uint64_t end = session_.env.monotonic_ns();
  kept_[name] = {text, end + 9 * (end - begin)};
  return text;
}

std::string DashboardContent::page(const std::string& job) {
  if (!job.empty()) directory_of(session_, job);
  const nlohmann::ordered_json data = {
      {"dashboard", true}, {"job", job}, {"store", session_.store().path()}, {"may_cancel", may_cancel_}};
  return report_page(session_.env, data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), true);
}

std::string DashboardContent::jobs() {
  return kept("", [this] { return document_text(jobs_document(session_)); });
}

std::string DashboardContent::document(const std::string& job) {
  return kept(job, [&] { return report_document(session_.env, job_of(session_, job)); });
}

std::string DashboardContent::cancel(const std::string& job) {
  std::string text;
  for (const auto& sentence : cancel_job(session_.env, job_of(session_, job), false)) text += sentence + "\n";
  kept_.clear();
  return text;
}

}  // namespace jobhost::cli
