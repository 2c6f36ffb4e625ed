#include "cli/document.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace jobhost::cli {

using Json = nlohmann::ordered_json;

std::string document_text(const Json& body) {
  Json document = {{"schema", "jobhost/1"}};
  document.update(body);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void print_document(const Json& body) { std::fputs(document_text(body).c_str(), stdout); }

Json to_json(const report::FailureGroup& group) {
  return {{"count", group.count},
          {"error", to_json(group.first)},
          {"same_message", group.same_message},
          {"first_tasks", group.tasks}};
}

Json to_json(const host::Explanation& failure) {
  Json causes = Json::array();
  for (const auto& cause : failure.causes) causes.push_back(cause.type + ": " + cause.what);
  Json stack = Json::array();
  for (const auto& call : failure.stack) stack.push_back(call.text);
  return {{"kind", failure.kind},
          {"type", failure.type},
          {"what", failure.what},
          {"where", failure.where},
          {"signal", failure.signal ? Json(*failure.signal) : Json()},
          {"causes", std::move(causes)},
          {"stack", std::move(stack)}};
}

Json to_json(const std::vector<schema::Skipped>& functions) {
  Json list = Json::array();
  for (const auto& skipped : functions) {
    list.push_back(
        {{"name", skipped.name}, {"reason", skipped.reason}, {"file", skipped.file}, {"line", skipped.line}});
  }
  return list;
}

Json to_json(const schema::Kernel& kernel) {
  Json parameters = Json::array();
  for (std::size_t p = 0; p < kernel.parameters.size(); ++p) {
    parameters.push_back({{"name", kernel.parameters[p].name}, {"type", schema::cpp_name(kernel.parameters[p].type)}});
  }
  return {{"name", kernel.name},
          {"signature", kernel.signature},
          {"file", kernel.file},
          {"line", kernel.line},
          {"documentation", kernel.doc},
          {"parameters", std::move(parameters)},
          {"result", schema::cpp_name(kernel.result)}};
}

}  // namespace jobhost::cli
