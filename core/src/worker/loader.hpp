#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "jobhost/sdk/abi.h"
#include "worker/data_watch.hpp"

namespace jobhost::worker {

/// Loads a library of the system by its whole path, where it is there, so that nothing is searched for when the plugin
/// needs it: a RUNPATH may lead to where others can put files.
void load_system_library(const std::string& path);

/// A plugin in this process (RTLD_NOW, RTLD_LOCAL), never unloaded, also when the object goes.
class LoadedPlugin {
 public:
  /// Loads the libraries in order, then the plugin; `loaded` is told each of them. Throws Error(kPluginRefused) with
  /// the loader's own reason.
  LoadedPlugin(const std::vector<std::string>& libraries, const std::string& plugin,
               const std::function<void(const std::string& path)>& loaded = nullptr);
  LoadedPlugin(LoadedPlugin&&) noexcept;
  ~LoadedPlugin();

  /// A symbol, or "+1a2b": an entry of a program's module by its offset (hexadecimal). Throws Error(kPluginRefused)
  /// when there is none.
  jobhost_entry kernel(const std::string& symbol) const;
  /// An entry of a program's module. Throws Error(kPluginRefused) when there is none.
  jobhost_entry entry_at(std::uint64_t offset) const;
  /// Addresses of the variables that a program registered: its first task gives them their captured values.
  std::vector<DataWatch::Range> registered_data() const;
  /// Has the program's next task give them these values again.
  void forget_registered() const;
  /// Gives a global variable its encoded value. `library`: file name of the library that it is in, "" for the plugin.
  /// Throws Error(kPluginRefused).
  void set_global(const std::string& symbol, base::ByteView value, const std::string& library = {}) const;
  /// The encoded value that a global variable has now; `symbol` is its jobhost_get_global. Nothing when it cannot be
  /// encoded. Throws Error(kPluginRefused).
  std::optional<base::Bytes> get_global(const std::string& symbol, const std::string& library = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jobhost::worker
