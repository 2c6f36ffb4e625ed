#include "store/lines.hpp"

namespace jobhost::store {

void for_each_line(const base::File& file, std::size_t longest, const std::string& what,
                   const std::function<void(const std::string&)>& use) {
  base::Bytes block(1 << 16);
  std::string line;
  for (std::uint64_t offset = 0;;) {
    const std::size_t got = file.read_at(offset, block);
    if (got == 0) return;
    for (const unsigned char c : base::ByteView(block).first(got)) {
      if (c == '\n') {
        use(line);
        line.clear();
      } else if (line.size() < longest) {
        line += static_cast<char>(c);
      } else {
        throw base::Error(base::ExitCode::kDamaged, "'" + file.path() + "' is no " + what);
      }
    }
    offset += got;
  }
}

}  // namespace jobhost::store
