#include "cli/report_page.hpp"

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/hex.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {
namespace {

std::string base64(const base::Bytes& bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string file(base::Env& env, const std::string& name) {
  constexpr std::uint64_t kLimit = 1 << 20;
  const std::string path = Session::share() + "/report/" + name;
  return std::string(base::as_text(base::read_file(env, path, kLimit)));
}

/// A quoted source of a content security policy that allows this text.
std::string allowed(const std::string& text) {
  return "'sha256-" + base64(base::from_hex(base::sha256_hex(base::as_bytes(text)))) + "'";
}

/// JSON that is also the text of an HTML element, and JavaScript: signs that could end it are escaped.
std::string embedded(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else {
      text += c;
    }
  }
  return text;
}

/// Puts a text in the place of the one mark of this name, "{{name}}".
void fill(std::string& page, const std::string& name, const std::string& text) {
  const std::string mark = "{{" + name + "}}";
  page.replace(page.find(mark), mark.size(), text);
}

}  // namespace

std::string report_page(base::Env& env, const std::string& data, bool live) {
  const std::string styles = file(env, "uPlot.min.css") + file(env, "report.css");
  const std::string plots = "/*\n" + file(env, "uPlot.notice") + "*/\n" + file(env, "uPlot.iife.min.js");
  std::string script;
  for (const char* part : {"words.js", "canvas.js", "heat_map.js", "charts.js", "curves.js", "results.js",
                           "activity.js", "sections.js", "page.js"}) {
    script += file(env, part);
  }
  std::string page = file(env, "report.html");
  fill(page, "policy",
       "default-src 'none'; img-src data:; style-src " + allowed(styles) + "; script-src " + allowed(plots) + " " +
           allowed(script) + (live ? "; connect-src 'self'" : "") + "; base-uri 'none'; form-action 'none'");
  fill(page, "styles", styles);
  fill(page, "plots", plots);
  fill(page, "script", script);
  fill(page, "data", embedded(data));
  return page;
}

}  // namespace jobhost::cli
