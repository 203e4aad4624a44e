/* LD_PRELOAD: a disk that fails. The file $FAULTS_FLAG says what fails, while it is there: "sync N" for fsync and fdatasync,
 * "write N" for pwrite, pwritev and writev: from the N-th such call after that on, on files under $FAULTS_DIR, with EIO. The
 * first that fails makes $FAULTS_FLAG.failed.
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

static atomic_long calls;

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

/* Does this call fail? kind: 's' or 'w'. */
static int fails(int fd, char kind) {
  if (!is_ours(fd)) return 0;
  const char *path = getenv("FAULTS_FLAG");
  int flag = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (flag < 0) return 0;
  char said[32];
  ssize_t n = read(flag, said, sizeof said - 1);
  close(flag);
  if (n <= 0 || said[0] != kind) return 0;
  said[n] = 0;
  char *space = strchr(said, ' ');
  if (atomic_fetch_add(&calls, 1) + 1 < (space ? atol(space) : 1)) return 0;
  char done[4096];
  snprintf(done, sizeof done, "%s.failed", path);
  close(open(done, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  return 1;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FAIL return errno = EIO, -1

int fsync(int fd) { REAL(fsync); if (fails(fd, 's')) FAIL; return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); if (fails(fd, 's')) FAIL; return real(fd); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { REAL(pwrite64); if (fails(fd, 'w')) FAIL; return real(fd, b, n, at); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { REAL(pwrite); if (fails(fd, 'w')) FAIL; return real(fd, b, n, at); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { REAL(pwritev64); if (fails(fd, 'w')) FAIL; return real(fd, v, n, at); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { REAL(pwritev); if (fails(fd, 'w')) FAIL; return real(fd, v, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); if (fails(fd, 'w')) FAIL; return real(fd, v, n); }
