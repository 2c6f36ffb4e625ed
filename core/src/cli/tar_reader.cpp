#include "cli/tar_reader.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/file.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kBlock = 512, kMostPadding = 1 << 20;

// IEEE Std 1003.1, "pax", ustar interchange format.
struct Header {
  char name[100];
  char mode[8], uid[8], gid[8];
  char size[12], modified[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6], version[2];
  char owner[32], group[32];
  char major[8], minor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(Header) == kBlock);

[[noreturn]] void refuse(const std::string& why) { throw base::Error(base::ExitCode::kDamaged, why); }

template <std::size_t N>
std::string text(const char (&field)[N]) {
  return std::string(field, ::strnlen(field, N));
}

template <std::size_t N>
std::uint64_t octal(const char (&field)[N]) {
  std::uint64_t value = 0;
  std::size_t i = 0;
  while (i < N && field[i] == ' ') ++i;
  for (; i < N && field[i] >= '0' && field[i] <= '7'; ++i)
    value = value * 8 + static_cast<std::uint64_t>(field[i] - '0');
  if (i < N && field[i] != ' ' && field[i] != '\0') refuse("a number in it is none");
  return value;
}

bool checksum_matches(const Header& header) {
  std::array<unsigned char, kBlock> bytes;
  std::memcpy(bytes.data(), &header, kBlock);
  std::fill_n(bytes.begin() + offsetof(Header, checksum), sizeof header.checksum, ' ');
  std::uint64_t sum = 0;
  for (const unsigned char byte : bytes) sum += byte;
  return sum == octal(header.checksum);
}

/// "a/b", whatever the end; refused where it would lead elsewhere.
std::string safe_name(const Header& header) {
  std::string name = text(header.prefix);
  if (!name.empty()) name += '/';
  name += text(header.name);
  const std::string given = name;
  if (name.ends_with('/')) name.pop_back();
  if (name.empty()) refuse("a member has no name");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") refuse("'" + given + "' in it leads elsewhere");
    begin = end + 1;
  }
  return name;
}

bool all_zero(const base::Bytes& bytes, std::size_t from = 0) {
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(),
                     [](unsigned char byte) { return byte == 0; });
}

class Unpacker {
 public:
  Unpacker(base::Env& env, const std::string& archive, std::string folder)
      : env_(env), archive_(env, archive, O_RDONLY), folder_(std::move(folder)), size_(archive_.size()) {}

  void run() {
    base::Bytes block(kBlock);
    for (;;) {
      read(block);
      if (all_zero(block)) break;
      Header header;
      std::memcpy(&header, block.data(), sizeof header);
      if (std::memcmp(header.magic,
                      "ustar\0"
                      "00",
                      8) != 0 ||
          !checksum_matches(header)) {
        refuse(position_ == kBlock ? "it is no tar archive of that kind" : "a member's header is damaged");
      }
      unpack(header);
    }
    if (size_ - position_ > kMostPadding) refuse("something stands behind its end");
    while (position_ < size_) {
      read(block);
      if (!all_zero(block)) refuse("something stands behind its end");
    }
  }

 private:
  void read(base::Bytes& block) {
    if (archive_.read_at(position_, block) != block.size()) refuse("it is cut off");
    position_ += block.size();
  }

  void unpack(const Header& header) {
    const std::string name = safe_name(header), path = folder_ + "/" + name;
    if (header.type == '5') {
      if (const int made = env_.make_directory(path, 0700); made < 0) {
        refuse("the directory '" + name + "' in it occurs twice, or in no directory");
      }
      return;
    }
    if (header.type != '0' && header.type != '\0') refuse("'" + name + "' in it is no file and no directory");
    const std::uint64_t bytes = octal(header.size);
    if (bytes > size_ - position_) refuse("it is cut off");
    const int fd = env_.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0) refuse("the file '" + name + "' in it occurs twice, or in no directory");
    env_.close(fd);
    base::File file(env_, path, O_WRONLY | O_NOFOLLOW);
    base::Bytes piece;
    for (std::uint64_t left = bytes; left > 0;) {
      const std::uint64_t used = std::min<std::uint64_t>(left, 1 << 20);
      piece.resize((used + kBlock - 1) / kBlock * kBlock);
      read(piece);
      if (!all_zero(piece, used)) refuse("something stands behind '" + name + "'");
      file.write(base::ByteView(piece).first(used));
      left -= used;
    }
    file.close();
  }

  base::Env& env_;
  base::File archive_;
  std::string folder_;
  std::uint64_t size_, position_ = 0;
};

}  // namespace

void unpack_tar(base::Env& env, const std::string& archive, const std::string& folder) {
  Unpacker(env, archive, folder).run();
}

}  // namespace jobhost::cli
