// file.hpp - files as the readers and writers here need them.
//
//   MappedFile   a whole file as read-only memory. Another program that shortens the file while it is mapped makes
//                the access fail (SIGBUS), as with every mapping: replace files by renaming, as AtomicFile does.
//   AtomicFile   written to a temporary beside the target, synced, renamed: the target is the old file or the new
//                one, never a part. Without commit() the temporary is removed and the old file stays.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "longwave/core/error.hpp"
#include "longwave/io/dtype.hpp"

namespace longwave {

namespace detail {

[[noreturn]] LONGWAVE_COLD inline void throw_io_error(const std::string& file, const std::string& what,
                                                      std::int64_t offset = -1) {
  throw IoError(file, what, offset);
}

// "cannot open it: No such file or directory"
[[noreturn]] LONGWAVE_COLD inline void throw_system_error(const std::string& file, const char* doing, int error = errno,
                                                          std::int64_t offset = -1) {
  std::string what = std::string(doing) + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) what += "; free some space or choose another folder";
  if (error == EFBIG) what += "; the limit on file sizes is reached (ulimit -f)";
  throw IoError(file, what, offset);
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

inline std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes a rename in this folder survive a loss of power. Some file systems cannot sync a folder: that is no error.
inline void sync_folder(const std::string& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.open() && ::fsync(fd.get()) != 0 && errno == EIO) throw_system_error(folder, "cannot sync the folder");
}

}  // namespace detail

// The folder and those above it.
inline void make_folders(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (!part.empty() && ::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST)
      detail::throw_system_error(part, "cannot make this folder");
    if (end == std::string::npos) return;
  }
}

inline bool file_exists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}

class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(std::string path) : path_(std::move(path)) {
    // Not blocking: a pipe without a writer is to be refused, not waited for.
    const detail::FileDescriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.open()) detail::throw_system_error(path_, "cannot open it");
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) detail::throw_system_error(path_, "cannot read its size");
    if (S_ISDIR(info.st_mode)) detail::throw_io_error(path_, "is a folder; name a file in it");
    if (!S_ISREG(info.st_mode)) detail::throw_io_error(path_, "is not a regular file; copy its content to one");
    size_ = static_cast<std::size_t>(info.st_size);
    if (size_ == 0) return;  // an empty file cannot be mapped; its span is empty
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) detail::throw_system_error(path_, "cannot map it");
    data_ = data;
  }
  MappedFile(MappedFile&& other) noexcept
      : path_(std::move(other.path_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, std::size_t(0))) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  const std::string& path() const { return path_; }
  std::size_t size() const { return size_; }
  Bytes bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  std::string path_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

class AtomicFile {
 public:
  // A symbolic link is followed, so that the file it names is replaced and not the link.
  explicit AtomicFile(const std::string& path) : path_(resolved(path)) {
    mode_t mode = 0;
    struct stat info;
    if (::stat(path_.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) detail::throw_io_error(path_, "is a folder; name a file in it");
      if (!S_ISREG(info.st_mode)) detail::throw_io_error(path_, "is not a regular file, so it cannot be replaced");
      mode = info.st_mode & 07777;
    }
    for (int attempt = 0; !fd_.open(); ++attempt) {
      temporary_ = path_ + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(attempt);
      fd_ = detail::FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!fd_.open() && (errno != EEXIST || attempt > 1000)) {
        const int error = errno;
        temporary_.clear();
        detail::throw_system_error(path_, "cannot create a temporary file beside it", error);
      }
    }
    if (mode != 0) static_cast<void>(::fchmod(fd_.get(), mode));  // keeps the replaced file's permissions if it can
    buffer_.reserve(buffer_bytes);
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  void write(const void* data, std::size_t bytes) {
    const auto* from = static_cast<const std::byte*>(data);
    if (buffer_.size() + bytes > buffer_bytes) flush();
    if (bytes >= buffer_bytes) {
      write_out(from, bytes);
    } else if (bytes > 0) {
      buffer_.insert(buffer_.end(), from, from + bytes);
    }
  }
  void write(const std::string& text) { write(text.data(), text.size()); }

  // All of it on the disk, under the temporary name.
  void sync() {
    if (!fd_.open()) return;
    flush();
    if (::fsync(fd_.get()) != 0) detail::throw_system_error(path_, "cannot sync its temporary file");
    if (fd_.close() != 0) detail::throw_system_error(path_, "cannot close its temporary file");
  }

  void commit() {
    sync();
    rename();
    detail::sync_folder(detail::folder_of(path_));
  }

  // The same without a sync, for one file of many: after a crash of the machine it may be empty, and no part is ever
  // seen by a reader while the machine runs.
  void replace() {
    flush();
    if (fd_.close() != 0) detail::throw_system_error(path_, "cannot close its temporary file");
    rename();
  }

  const std::string& path() const { return path_; }

 private:
  static constexpr std::size_t buffer_bytes = std::size_t(1) << 16;

  static std::string resolved(const std::string& path) {
    char* real = ::realpath(path.c_str(), nullptr);
    if (real == nullptr) return path;
    std::string name = real;
    std::free(real);
    return name;
  }

  void rename() {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::throw_system_error(path_, "cannot replace it");
    temporary_.clear();
  }
  void flush() {
    write_out(buffer_.data(), buffer_.size());
    buffer_.clear();
  }
  void write_out(const std::byte* from, std::size_t bytes) {
    while (bytes > 0) {
      const ssize_t done = ::write(fd_.get(), from, bytes);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) detail::throw_system_error(path_, "cannot write its temporary file", errno, written_);
      from += done;
      bytes -= static_cast<std::size_t>(done);
      written_ += done;
    }
  }

  std::string path_, temporary_;
  detail::FileDescriptor fd_;
  std::vector<std::byte> buffer_;
  std::int64_t written_ = 0;
};

// A whole text in place of what was there.
inline void replace_file(const std::string& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace longwave
