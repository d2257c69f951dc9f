#include "longwave/io/file.hpp"

#include <sys/resource.h>
#include <csignal>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("MappedFile: the whole file is there, an empty one is empty") {
  const TemporaryFolder folder;
  write_text(folder / "a", "hello");
  write_text(folder / "empty", "");
  MappedFile file(folder / "a");
  CHECK(file.size() == 5);
  CHECK(std::to_integer<char>(file.bytes()[4]) == 'o');
  const MappedFile moved = std::move(file);
  CHECK(moved.bytes().size() == 5);
  CHECK(MappedFile(folder / "empty").bytes().empty());
}

TEST_CASE("MappedFile: what is no readable file is refused by name") {
  const TemporaryFolder folder;
  const auto text = [](const std::string& path) { return error_text<IoError>([&] { MappedFile file(path); }); };
  CHECK(text(folder / "none") == folder / "none" + ": cannot open it: No such file or directory");
  CHECK(text(folder.path()) == folder.path() + ": is a folder; name a file in it");
  CHECK(text("/dev/null") == "/dev/null: is not a regular file; copy its content to one");
  if (::geteuid() != 0) {  // root reads everything
    write_text(folder / "secret", "x");
    ::chmod((folder / "secret").c_str(), 0);
    CHECK(contains(text(folder / "secret"), "Permission denied"));
  }
}

TEST_CASE("AtomicFile: the old file stays until commit, and then is replaced as a whole") {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new content");
    CHECK(read_text(folder / "a") == "old");
    file.commit();
  }
  CHECK(read_text(folder / "a") == "new content");
  CHECK(folder.files() == 1);
}

TEST_CASE("AtomicFile: without commit nothing is left") {
  const TemporaryFolder folder;
  { AtomicFile(folder / "a").write("lost"); }
  CHECK(folder.files() == 0);
}

TEST_CASE("AtomicFile: small and large pieces come out in order") {
  const TemporaryFolder folder;
  std::string all;
  AtomicFile file(folder / "a");
  for (std::size_t n : {1u, 65535u, 3u, 65536u, 65537u, 7u, 200000u, 0u, 5u}) {
    const std::string piece(n, static_cast<char>('a' + n % 26));
    file.write(piece);
    all += piece;
  }
  file.commit();
  CHECK(read_text(folder / "a") == all);
}

TEST_CASE("AtomicFile: a link is followed and permissions stay") {
  const TemporaryFolder folder;
  write_text(folder / "real", "old");
  ::chmod((folder / "real").c_str(), 0600);
  std::filesystem::create_symlink("real", folder / "link");
  AtomicFile file(folder / "link");
  file.write("new");
  file.commit();
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_text(folder / "real") == "new");
  struct stat info;
  ::stat((folder / "real").c_str(), &info);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("AtomicFile: folders, devices and places that do not exist are refused") {
  const TemporaryFolder folder;
  const auto text = [](const std::string& path) { return error_text<IoError>([&] { AtomicFile file(path); }); };
  CHECK(contains(text(folder.path()), "is a folder; name a file in it"));
  CHECK(contains(text("/dev/full"), "not a regular file, so it cannot be replaced"));
  CHECK(contains(text(folder / "none/a"), "cannot create a temporary file beside it: No such file or directory"));
}

namespace {

// The process may write files of at most `bytes` while this lives: the nearest to a full disk that needs no privileges.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_;
};

}  // namespace

TEST_CASE("AtomicFile: when the disk takes no more, the old file stays and the temporary goes") {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  std::string text;
  {
    const FileSizeLimit limit(100000);
    text = error_text<IoError>([&] {
      AtomicFile file(folder / "a");
      file.write(std::string(300000, 'x'));
      file.commit();
    });
  }
  CHECK(contains(text, folder / "a"));
  CHECK(contains(text, "(offset 100000): cannot write its temporary file"));
  CHECK(read_text(folder / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("io errors: a full disk says what to do") {
  CHECK(contains(error_text<IoError>([] { detail::throw_system_error("f", "cannot write it", ENOSPC); }),
                 "No space left on device; free some space"));
}
