#include "dashboard/server.hpp"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>

#include "base/error.hpp"

namespace jobhost::dashboard {
namespace {

constexpr int kForbidden = 403, kNotFound = 404, kFailed = 500;
constexpr std::size_t kThreads = 64;
constexpr int kPatienceSeconds = 1;  // for a request, which comes over the loopback: who only connects holds a thread

/// Takes the same time wherever the texts differ.
bool equal(const std::string& a, const std::string& b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ (i < b.size() ? static_cast<unsigned char>(b[i]) : 0xffu);
  }
  return difference == 0;
}

/// "127.0.0.1:8080" and the like: another name is one that leads here by a name server's word.
bool names_this_machine(const std::string& host) {
  const std::string name = host.substr(0, host.rfind(':'));
  return name == "127.0.0.1" || name == "localhost";
}

/// Ids of jobs are names of directories: no request leads out of the store.
bool is_id(const std::string& job) {
  const auto allowed = [](char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  return !job.empty() && job[0] != '.' && std::all_of(job.begin(), job.end(), allowed);
}

class Server {
 public:
  Server(Content& content, const Options& options) : content_(content), options_(options) {
    server_.set_payload_max_length(0);
    server_.set_socket_options([](int socket) {  // not those by which two servers share a port
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // which the server deletes
    server_.set_read_timeout(kPatienceSeconds);
    server_.set_keep_alive_timeout(kPatienceSeconds);  // until the first request, too
    server_.set_keep_alive_max_count(1);               // a page that waits holds no thread
    server_.set_pre_routing_handler([this](const auto& request, auto& response) { return check(request, response); });
    server_.Get("/", [this](const auto&, auto& response) {
      answer(response, "text/html; charset=utf-8", [this] { return content_.page(""); });
    });
    of_job("/jobs/", "text/html; charset=utf-8", [this](const auto& job) { return content_.page(job); });
    server_.Get("/api/jobs", [this](const auto&, auto& response) {
      answer(response, "application/json", [this] { return content_.jobs(); });
    });
    of_job("/api/jobs/", "application/json", [this](const auto& job) { return content_.document(job); });
    server_.Post("/api/jobs/([^/]+)/cancel", [this](const httplib::Request& request, auto& response) {
      const std::string job = request.matches[1];
      if (!options_.may_cancel)
        return refuse(response, kForbidden, "only to be looked at: jobhost dashboard --allow-cancel");
      if (!is_id(job)) return refuse(response, kNotFound, "no such job");
      answer(response, "text/plain; charset=utf-8", [&] { return content_.cancel(job); });
    });
    server_.set_error_handler([](const auto&, httplib::Response& response) {
      if (response.body.empty()) response.set_content("nothing here\n", "text/plain");
    });
  }

  void run() {
    errno = 0;
    const int port = options_.port > 0 ? (server_.bind_to_port("127.0.0.1", options_.port) ? options_.port : -1)
                                       : server_.bind_to_any_port("127.0.0.1");
    if (port < 0) {
      throw base::Error(base::ExitCode::kUsage,
                        "port " + std::to_string(options_.port) +
                            (errno == EACCES ? " is not open to everybody: permission denied" : " is taken"),
                        "name another one, or none: jobhost dashboard");
    }
    cookie_ = "jobhost-" + std::to_string(port);  // cookies do not tell ports apart
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/?token=" + options_.token;
    options_.ready(url);  // connections are taken from here on, and answered soon
    std::atomic<bool> over{false};
    std::thread watch([&] {
      for (; !over; std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
        if (options_.ended()) server_.stop();  // does nothing before it listens
      }
    });
    server_.listen_after_bind();
    over = true;
    watch.join();
  }

 private:
  using Handled = httplib::Server::HandlerResponse;

  static void refuse(httplib::Response& response, int status, const std::string& why) {
    response.status = status;
    response.set_content(why + "\n", "text/plain; charset=utf-8");
  }

  std::string cookie_of(const httplib::Request& request) const {
    const std::string all = "; " + request.get_header_value("Cookie"), mark = "; " + cookie_ + "=";
    const std::size_t at = all.find(mark);
    if (at == std::string::npos) return "";
    const std::size_t begin = at + mark.size();
    return all.substr(begin, all.find(';', begin) - begin);
  }

  /// Before anything is looked up.
  Handled check(const httplib::Request& request, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("Referrer-Policy", "no-referrer");
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_header("X-Frame-Options", "DENY");
    response.set_header("Cross-Origin-Resource-Policy", "same-origin");
    const std::string host = request.get_header_value("Host"), origin = request.get_header_value("Origin");
    const auto refused = [&](const char* why) {
      refuse(response, kForbidden, why);
      return Handled::Handled;
    };
    if (!names_this_machine(host)) return refused("this is not the host that you asked");
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!origin.empty() || !reads) {
      if (origin != "http://" + host) return refused("pages from elsewhere may not ask");
    }
    const bool by_token = request.path == "/" && reads && equal(request.get_param_value("token"), options_.token);
    if (!by_token && !equal(cookie_of(request), options_.token)) {
      return refused("the token is missing: open the URL that jobhost dashboard printed");
    }
    if (by_token)
      response.set_header("Set-Cookie", cookie_ + "=" + options_.token + "; Path=/; HttpOnly; SameSite=Strict");
    return Handled::Unhandled;
  }

  template <class Make>
  void of_job(const std::string& path, const char* type, const Make& make) {
    server_.Get(path + "([^/]+)", [this, type, make](const httplib::Request& request, httplib::Response& response) {
      const std::string job = request.matches[1];
      if (!is_id(job)) return refuse(response, kNotFound, "no such job");
      answer(response, type, [&] { return make(job); });
    });
  }

  template <class Make>
  void answer(httplib::Response& response, const char* type, const Make& make) {
    const std::lock_guard lock(mutex_);
    try {
      response.set_content(make(), type);
    } catch (const base::Error& error) {
      refuse(response, error.code() == base::ExitCode::kUsage ? kNotFound : kFailed, error.what());
    } catch (const std::exception& error) {
      refuse(response, kFailed, error.what());
    }
  }

  Content& content_;
  const Options& options_;
  httplib::Server server_;
  std::string cookie_;
  std::mutex mutex_;
};

}  // namespace

void serve(Content& content, const Options& options) { Server(content, options).run(); }

}  // namespace jobhost::dashboard
