#pragma once

#include <functional>
#include <string>

/// Shows jobs to a browser on the same machine.
namespace jobhost::dashboard {

/// What there is to be seen. Called by one thread at a time; whatever is thrown becomes an answer that says so.
class Content {
 public:
  virtual ~Content() = default;
  /// The page of the store (""), or of one job.
  virtual std::string page(const std::string& job) = 0;
  /// JSON: all jobs of the store, or one.
  virtual std::string jobs() = 0;
  virtual std::string document(const std::string& job) = 0;
  /// Has a job end; returns what there is to say of it.
  virtual std::string cancel(const std::string& job) = 0;
};

struct Options {
  int port = 0;             // 0: any that is free
  std::string token;        // whoever does not know it sees nothing
  bool may_cancel = false;  // else nothing can be changed at all
  std::function<void(const std::string& url)> ready;
  std::function<bool()> ended;  // asked several times a second
};

/// Serves until `ended`. Reachable from this machine only (127.0.0.1), and only by who knows the token: it is in the
/// URL that is opened first, and in a cookie from then on. Requests of pages of other origins, and those that name
/// another host, are refused (a page elsewhere cannot use the browser's cookie, whatever its name server says). Throws
/// Error(kUsage) when the port is taken.
void serve(Content& content, const Options& options);

}  // namespace jobhost::dashboard
