#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "common/interrupt.hpp"
#include "longwave/io/file.hpp"
#include "trace_gan/commands.hpp"
#include "trace_gan/pattern.hpp"
#include "trace_gan/saved.hpp"

namespace longwave::examples::trace_gan {

namespace {

constexpr std::size_t page = 4096;  // what direct I/O wants memory, offsets and lengths to be multiples of

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A file that has no name from the moment it is open, so that nothing of it is left however the program ends.
class ScratchFile {
 public:
  ScratchFile(const std::string& folder, std::int64_t bytes)
      : folder_(folder), buffer_(Memory<Host>::allocate(bytes_at_a_time + page)) {
    data_ = static_cast<char*>(buffer_) + (page - reinterpret_cast<std::uintptr_t>(buffer_) % page) % page;
    try {
      open_in(folder);
      check_room(bytes);
      for (std::size_t i = 0; i < bytes_at_a_time; ++i) data_[i] = static_cast<char>(i * 131 >> 3);
      for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(bytes_at_a_time))
        move(true, at, std::min<std::size_t>(bytes_at_a_time, static_cast<std::size_t>(bytes - at)));
      if (::fsync(file_.get()) != 0) detail::throw_system_error(folder_, "cannot sync the scratch file");
    } catch (...) {
      Memory<Host>::release(buffer_);
      throw;
    }
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { Memory<Host>::release(buffer_); }

  bool direct() const { return direct_; }

  // One request, in microseconds.
  double timed(const Request& request) {
    const double start = now_us();
    move(request.write, request.offset, static_cast<std::size_t>(request.length));
    return now_us() - start;
  }

  static constexpr std::size_t bytes_at_a_time = std::size_t(1) << 20;

 private:
  void open_in(const std::string& folder) {
    std::string pattern = folder + "/trace_gan-scratch-XXXXXX";
    const int fd = ::mkstemp(pattern.data());
    if (fd < 0) detail::throw_system_error(folder, "cannot make a scratch file in it");
    file_ = detail::FileDescriptor(fd);
    detail::FileDescriptor direct(::open(pattern.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
    ::unlink(pattern.c_str());
    direct_ = direct.open();
    if (direct_) file_ = std::move(direct);
  }

  void check_room(std::int64_t bytes) {
    struct statvfs info;
    if (::fstatvfs(file_.get(), &info) != 0) return;
    const double room = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
    if (room < 1.2 * static_cast<double>(bytes))
      throw IoError(folder_, "has room for " + std::to_string(static_cast<std::int64_t>(room) >> 20) +
                                 " MiB, the scratch file takes " + std::to_string(bytes >> 20) +
                                 "; lower --size_mb or name another --folder");
  }

  void move(bool write, std::int64_t at, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes;) {
      const ssize_t n = write ? ::pwrite(file_.get(), data_ + done, bytes - done, at + static_cast<std::int64_t>(done))
                              : ::pread(file_.get(), data_ + done, bytes - done, at + static_cast<std::int64_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EINVAL && direct_) {  // opened, but not to be used so
        leave_direct();
        continue;
      }
      if (n < 0)
        detail::throw_system_error(folder_, write ? "cannot write the scratch file" : "cannot read the scratch file");
      if (n == 0) throw IoError(folder_, "the scratch file ends early");
      done += static_cast<std::size_t>(n);
    }
  }

  void leave_direct() {
    direct_ = false;
    const int flags = ::fcntl(file_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(file_.get(), F_SETFL, flags & ~O_DIRECT) != 0)
      detail::throw_system_error(folder_, "cannot leave direct I/O for the scratch file");
  }

  std::string folder_;
  void* buffer_;
  char* data_ = nullptr;
  detail::FileDescriptor file_;
  bool direct_ = false;
};

}  // namespace

int record(const RecordArguments& a) {
  refuse_to_replace({a.out}, a.force);
  const std::int64_t bytes = a.size_mb << 20;
  const std::string folder = a.folder.empty() ? detail::folder_of(a.out) : a.folder;
  AtomicFile out(a.out);
  ScratchFile scratch(folder, bytes);
  Pattern pattern(bytes, a.write_share, static_cast<std::uint64_t>(a.seed));
  Interrupt interrupt;
  const double start = now_us();
  std::int64_t done = 0;
  for (; done < a.requests && !interrupt.requested() && now_us() - start < 1e6 * a.seconds; ++done) {
    const Request request = pattern.next();
    if (request.pause_us > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(request.pause_us));
    const double at = now_us() - start;
    const double latency = scratch.timed(request);
    char line[128];
    const int n = std::snprintf(line, sizeof line, "%lld %.1f %d %lld %lld %.1f\n", static_cast<long long>(done), at,
                                request.write ? 42 : 40, static_cast<long long>(request.length),
                                static_cast<long long>(request.offset / 512), latency);
    out.write(line, static_cast<std::size_t>(n));
  }
  if (done == 0) throw_value_error("no request was made in " + std::to_string(a.seconds) + " s; raise --seconds");
  out.commit();
  std::fprintf(stderr, "trace: %s, %lld requests in %.1f s, %s\n", a.out.c_str(), static_cast<long long>(done),
               1e-6 * (now_us() - start),
               scratch.direct() ? "direct I/O: latencies are the device's"
                                : "no direct I/O on this file system: latencies are the page cache's");
  return 0;
}

}  // namespace longwave::examples::trace_gan
