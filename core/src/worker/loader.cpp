#include "worker/loader.hpp"

#define BOOST_DLL_USE_STD_FS  // no Boost library to link; it forgets to include <vector> itself
#include <vector>
// clang-format keeps the order of these two groups
#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <cstdlib>
#include <system_error>
#include <type_traits>

#include "base/error.hpp"
#include "plugin/system_directories.hpp"

namespace jobhost::worker {
namespace {

// Boost appends a system message to the loader's reason that has nothing to do with it.
std::string reason_of(const std::system_error& error) {
  std::string reason = error.what();
  for (const char* noise : {": Bad file descriptor", " [system:9]", " [generic:9]"}) {
    if (const auto at = reason.find(noise); at != std::string::npos) reason.erase(at);
  }
  for (const char* noise :
       {"boost::dll::shared_library::load() failed: ", "boost::dll::shared_library::load() failed ("}) {
    if (reason.starts_with(noise)) reason.erase(0, std::string(noise).size());
  }
  constexpr std::string_view kPrefix = "dlerror system message: ";
  if (const auto at = reason.find(kPrefix); at != std::string::npos) reason.erase(0, at + kPrefix.size());
  if (reason.ends_with(')')) reason.pop_back();
  return reason;
}

/// Never unloaded, also when the object goes: threads and destructors may still refer to its code.
boost::dll::shared_library load(const std::string& path) {
  constexpr auto kMode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                         static_cast<boost::dll::load_mode::type>(RTLD_NODELETE);
  try {
    return boost::dll::shared_library(path, kMode);
  } catch (const std::system_error& error) {
    throw base::Error(base::ExitCode::kPluginRefused, "'" + path + "' cannot be loaded: " + reason_of(error),
                      "jobhost check on the plugin says what it needs");
  }
}

}  // namespace

struct LoadedPlugin::State {
  struct Loaded {
    std::string path;
    boost::dll::shared_library library;

    template <class Function>
    Function find(const std::string& symbol) const {
      if (!library.has(symbol)) {
        throw base::Error(base::ExitCode::kPluginRefused, "'" + path + "' has no symbol '" + symbol + "'",
                          "rebuild the plugin and submit again");
      }
      return &library.get<std::remove_pointer_t<Function>>(symbol);
    }
  };
  std::vector<Loaded> files;  // in load order: the plugin is the last

  const Loaded& plugin() const { return files.back(); }
  /// By file name; "": the plugin.
  const Loaded& named(const std::string& name) const {
    if (name.empty()) return plugin();
    for (const auto& file : files) {
      if (file.path.substr(file.path.rfind('/') + 1) == name) return file;
    }
    throw base::Error(base::ExitCode::kPluginRefused,
                      "'" + plugin().path + "' was not loaded with a library '" + name + "'",
                      "rebuild the plugin and submit again");
  }
};

void load_system_library(const std::string& path) {
  if (plugin::belongs_to_system(path)) ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

LoadedPlugin::LoadedPlugin(const std::vector<std::string>& libraries, const std::string& plugin,
                           const std::function<void(const std::string& path)>& loaded) {
  state_ = std::make_unique<State>();
  std::vector<std::string> paths = libraries;
  paths.push_back(plugin);
  for (const auto& path : paths) {
    state_->files.push_back({path, load(path)});
    if (loaded) loaded(path);
  }
}

LoadedPlugin::LoadedPlugin(LoadedPlugin&&) noexcept = default;
LoadedPlugin::~LoadedPlugin() = default;

jobhost_entry LoadedPlugin::kernel(const std::string& symbol) const {
  if (!symbol.starts_with('+')) return state_->plugin().find<jobhost_entry>(symbol);
  return entry_at(std::strtoull(symbol.c_str() + 1, nullptr, 16));
}

jobhost_entry LoadedPlugin::entry_at(std::uint64_t offset) const {
  const jobhost_entry entry = state_->plugin().find<jobhost_entry (*)(std::uint64_t)>("jobhost_entry_at")(offset);
  if (entry) return entry;
  throw base::Error(base::ExitCode::kPluginRefused,
                    "'" + state_->plugin().path + "' has no entry at " + std::to_string(offset),
                    "the job was made by another build of the program");
}

void LoadedPlugin::set_global(const std::string& symbol, base::ByteView value, const std::string& library) const {
  const auto& file = state_->named(library);
  if (file.find<jobhost_set_global>(symbol)(value.data(), value.size()) == 0) return;
  throw base::Error(base::ExitCode::kPluginRefused, "'" + file.path + "' does not take the value of a global");
}

std::optional<base::Bytes> LoadedPlugin::get_global(const std::string& symbol, const std::string& library) const {
  const auto get = state_->named(library).find<jobhost_get_global>(symbol);
  base::Bytes value(64);
  for (;;) {
    std::uint64_t size = 0;
    const int answer = get(value.data(), value.size(), &size);
    if (answer != 0 && (answer != 1 || size <= value.size())) return std::nullopt;
    value.resize(size);
    if (answer == 0) return value;
  }
}

std::vector<DataWatch::Range> LoadedPlugin::registered_data() const {
  using Take = void (*)(void* ranges, const void* data, std::uint64_t size);
  constexpr const char* kSymbol = "jobhost_registered_globals";
  std::vector<DataWatch::Range> ranges;
  if (!state_->plugin().library.has(kSymbol)) return ranges;
  const Take take = [](void* taken, const void* data, std::uint64_t size) {
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    static_cast<std::vector<DataWatch::Range>*>(taken)->push_back({begin, begin + size});
  };
  state_->plugin().find<void (*)(Take, void*)>(kSymbol)(take, &ranges);
  return ranges;
}

void LoadedPlugin::forget_registered() const {
  constexpr const char* kSymbol = "jobhost_forget_globals";
  if (state_->plugin().library.has(kSymbol)) state_->plugin().find<void (*)()>(kSymbol)();
}

}  // namespace jobhost::worker
