#include "api/failure.hpp"

#include <optional>

#include "base/file.hpp"
#include "bundle/input_reader.hpp"
#include "schema/value.hpp"

namespace jobhost::api {
namespace {

constexpr std::size_t kLongest = 200;    // characters of an argument
constexpr std::size_t kLarge = 1 << 16;  // bytes; what is larger is not even looked at

/// An argument's encoded bytes, or how many there are of a large one.
struct Argument {
  base::Bytes bytes;
  std::size_t size;
};

/// The arguments as JSON.
std::string text_of(const schema::Kernel& kernel, std::size_t own, const std::vector<Argument>& arguments) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size() && own + i < kernel.parameters.size(); ++i) {
    const auto& type = kernel.parameters[own + i].type;
    const auto& [bytes, size] = arguments[i];
    std::string argument = std::to_string(size) + " bytes";
    if (size == bytes.size() && schema::encoded_size(type, bytes) == size) {
      argument.clear();
      base::ByteReader reader(bytes);
      schema::append_json(type, reader, argument);
    }
    if (argument.size() > kLongest) argument = argument.substr(0, kLongest) + "...";
    text += (text.empty() ? "" : ", ") + argument;
  }
  return text;
}

class Details : public detail::FailureDetails {
 public:
  Details(std::shared_ptr<JobCode> code, store::Failure&& failure,
          std::shared_ptr<const std::vector<std::string>> modules, const FailedCall& call)
      : code_(std::move(code)),
        failure_(std::move(failure)),
        modules_(std::move(modules)),
        kernel_(call.kernel),
        own_(call.own) {
    for (std::size_t p = own_; p < call.columns.size(); ++p) {
      const auto value = bundle::value_at(call.columns[p], 0);
      arguments_.push_back({{}, value.size()});
      if (value.size() <= kLarge) arguments_.back().bytes.assign(value.begin(), value.end());
    }
  }
  const std::string& where() override { return words().where; }
  const std::vector<std::string>& stack() override {
    words();
    return stack_;
  }
  const std::string& inputs() override {
    const std::lock_guard lock(mutex_);
    if (!inputs_) inputs_ = text_of(kernel_(), own_, arguments_);
    return *inputs_;
  }

 private:
  const host::Explanation& words() {
    const std::lock_guard lock(mutex_);
    if (words_) return *words_;
    words_ = code_->explain(failure_, *modules_);
    for (const auto& call : words_->stack) stack_.push_back(call.text);
    return *words_;
  }

  std::shared_ptr<JobCode> code_;
  store::Failure failure_;
  std::shared_ptr<const std::vector<std::string>> modules_;
  std::function<schema::Kernel()> kernel_;
  std::size_t own_;
  std::vector<Argument> arguments_;
  std::mutex mutex_;
  std::optional<host::Explanation> words_;
  std::vector<std::string> stack_;  // of these words
  std::optional<std::string> inputs_;
};

}  // namespace

JobCode::~JobCode() {
  if (!temporary_) return;
  try {
    base::remove_tree(env_, job_.directory.path());
  } catch (const base::Error&) {
    // It stays, in the folder for temporary files.
  }
}

host::Explanation JobCode::explain(const store::Failure& failure, const std::vector<std::string>& modules) {
  const std::lock_guard lock(mutex_);
  return explainer_.explain(failure, &modules);
}

detail::Failure told(const std::shared_ptr<JobCode>& code, std::uint64_t task, store::Failure failure,
                     const std::shared_ptr<const std::vector<std::string>>& modules, const FailedCall& call) {
  auto words = host::Explainer::in_short(failure);
  detail::Failure told;
  told.task = task;
  told.kind = std::move(words.kind);
  told.type = std::move(words.type);
  told.what = std::move(words.what);
  if (!failure.thrown.empty()) {
    told.mangled = failure.thrown[0].type;
    told.object = failure.thrown[0].object;
  }
  for (auto& cause : words.causes) told.causes.push_back({std::move(cause.type), std::move(cause.what)});
  told.details = std::make_shared<Details>(code, std::move(failure), modules, call);
  return told;
}

}  // namespace jobhost::api
