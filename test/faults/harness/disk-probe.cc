// Loaded before the C library of a process under test (LD_PRELOAD): writes down, in the file of DISK_PROBE_LOG and in
// the order in which they happen, when a WAL is written, when a sync of one has ended, and when an HTTP 202 begins to be
// written. With DISK_PROBE_FAIL_SYNC=n the nth sync of a WAL fails with EIO, and only that one. With
// DISK_PROBE_SLOW_SYNC=ms each sync of a WAL takes that much longer.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

int log_file() {
  static const int file = [] {
    const char* path = getenv("DISK_PROBE_LOG");
    return path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  }();
  return file;
}

void note(const char* line) {
  if (log_file() >= 0) syscall(SYS_write, log_file(), line, strlen(line));
}

long setting(const char* name) {
  const char* value = getenv(name);
  return value ? atol(value) : 0;
}

bool is_wal(int fd) {
  char link[64], target[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, target, sizeof target);
  return length > 4 && memcmp(target + length - 4, "-wal", 4) == 0;
}

bool is_accepted(const void* bytes, size_t length) {
  return length >= 12 && memcmp(bytes, "HTTP/1.1 202", 12) == 0;
}

template <typename Function> Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int sync(int fd, const char* name) {
  if (!is_wal(fd)) return real<int (*)(int)>(name)(fd);
  static const long slow = setting("DISK_PROBE_SLOW_SYNC"), fail = setting("DISK_PROBE_FAIL_SYNC");
  static long syncs = 0;
  if (slow > 0) usleep(slow * 1000);
  if (__atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST) == fail) {
    note("failed\n");
    errno = EIO;
    return -1;
  }
  const int result = real<int (*)(int)>(name)(fd);
  if (result == 0) note("synced\n");
  return result;
}

}  // namespace

extern "C" {

int fsync(int fd) { return sync(fd, "fsync"); }
int fdatasync(int fd) { return sync(fd, "fdatasync"); }

ssize_t pwrite64(int fd, const void* bytes, size_t length, off64_t offset) {
  if (is_wal(fd)) note("written\n");
  return real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64")(fd, bytes, length, offset);
}

ssize_t write(int fd, const void* bytes, size_t length) {
  if (is_accepted(bytes, length)) note("answered\n");
  return real<ssize_t (*)(int, const void*, size_t)>("write")(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (count > 0 && is_accepted(parts[0].iov_base, parts[0].iov_len)) note("answered\n");
  return real<ssize_t (*)(int, const struct iovec*, int)>("writev")(fd, parts, count);
}

}
