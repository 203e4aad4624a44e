/* LD_PRELOAD: a disk that fails. While the file $FAULTS_FLAG exists, calls on files under $FAULTS_DIR fail with EIO:
 * its first letter says which: 's' fsync and fdatasync, 'w' pwrite, pwritev, write and writev. With $FAULTS_SYNC_AT=n the n-th
 * fsync or fdatasync there fails, counted from the start of the process, whatever the flag says.
 *   cc -shared -fPIC -O2 -o faults.so faults.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long syncs;

/* Is the descriptor a file under the folder? */
static int is_ours(int fd) {
  const char *folder = getenv("FAULTS_DIR");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = folder ? readlink(link, path, sizeof path - 1) : -1;
  if (n <= 0) return 0;
  path[n] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

static int is_set(char kind) {
  const char *flag = getenv("FAULTS_FLAG");
  int fd = flag ? open(flag, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  char first = 0;
  ssize_t n = read(fd, &first, 1);
  close(fd);
  return n == 1 && first == kind;
}

static int fails_sync(int fd) {
  if (!is_ours(fd)) return 0;
  const char *at = getenv("FAULTS_SYNC_AT");
  return (at && atomic_fetch_add(&syncs, 1) + 1 == atol(at)) || is_set('s');
}

static int fails_write(int fd) { return is_ours(fd) && is_set('w'); }

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FAIL return errno = EIO, -1

int fsync(int fd) { REAL(fsync); if (fails_sync(fd)) FAIL; return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); if (fails_sync(fd)) FAIL; return real(fd); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { REAL(pwrite64); if (fails_write(fd)) FAIL; return real(fd, b, n, at); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { REAL(pwrite); if (fails_write(fd)) FAIL; return real(fd, b, n, at); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { REAL(pwritev64); if (fails_write(fd)) FAIL; return real(fd, v, n, at); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { REAL(pwritev); if (fails_write(fd)) FAIL; return real(fd, v, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); if (fails_write(fd)) FAIL; return real(fd, v, n); }
