#include "api/failure.hpp"

#include <optional>

#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "schema/value.hpp"

namespace jobhost::api {
namespace {

/// The arguments as JSON, without the runtime's own columns.
std::string text_of(const schema::Kernel& kernel, const std::vector<jobhost_column>& columns) {
  constexpr std::size_t kLongest = 200;    // characters of an argument
  constexpr std::size_t kLarge = 1 << 16;  // bytes; what is larger is not even looked at
  std::string text;
  for (std::size_t p = kernel.own; p < std::min(columns.size(), kernel.parameters.size()); ++p) {
    const auto value = bundle::value_at(columns[p], 0);
    std::string argument = std::to_string(value.size()) + " bytes";
    if (value.size() <= kLarge && schema::encoded_size(kernel.parameters[p].type, value) == value.size()) {
      argument.clear();
      base::ByteReader reader(value);
      schema::append_json(kernel.parameters[p].type, reader, argument);
    }
    if (argument.size() > kLongest) argument = argument.substr(0, kLongest) + "...";
    text += (text.empty() ? "" : ", ") + argument;
  }
  return text;
}

class Explained : public detail::Whereabouts {
 public:
  Explained(std::shared_ptr<JobCode> code, const store::Failure& failure, const std::vector<std::string>& modules)
      : code_(std::move(code)), failure_(failure), modules_(modules) {}
  const std::string& where() override { return words().where; }
  const std::vector<std::string>& stack() override { return words().stack; }

 private:
  const host::Explanation& words() {
    const std::lock_guard lock(mutex_);
    if (!words_) words_ = code_->explain(failure_, modules_);
    return *words_;
  }

  std::shared_ptr<JobCode> code_;
  store::Failure failure_;
  std::vector<std::string> modules_;
  std::mutex mutex_;
  std::optional<host::Explanation> words_;
};

}  // namespace

JobCode::~JobCode() {
  if (!temporary_) return;
  base::PosixEnv env;
  try {
    base::remove_tree(env, job_.directory.path());
  } catch (const base::Error&) {
    // It stays, in the folder for temporary files.
  }
}

host::Explanation JobCode::explain(const store::Failure& failure, const std::vector<std::string>& modules) {
  const std::lock_guard lock(mutex_);
  return explainer_.explain(failure, &modules);
}

detail::Failure told(const std::shared_ptr<JobCode>& code, std::uint64_t task, const store::Failure& failure,
                     const std::vector<std::string>& modules, const schema::Kernel& kernel,
                     const std::vector<jobhost_column>& columns) {
  const auto words = host::Explainer::in_short(failure);
  detail::Failure told{task,
                       words.kind,
                       words.type,
                       words.what,
                       text_of(kernel, columns),
                       {},
                       {},
                       {},
                       std::make_shared<Explained>(code, failure, modules)};
  if (!failure.thrown.empty()) {
    told.mangled = failure.thrown[0].type;
    told.object = failure.thrown[0].object;
  }
  for (const auto& cause : words.causes) told.causes.push_back({cause.type, cause.what});
  return told;
}

}  // namespace jobhost::api
