// Swift's modules of the C libraries do not have `statx`.
#define _GNU_SOURCE
#include "runnel_sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>

#if defined(__linux__)
#include <sys/sysmacros.h>
#endif

int runnel_sqlite_file_identity(const char *path, uint64_t *device, uint64_t *inode) {
#if defined(STATX_INO)
    struct statx found;
    if (statx(AT_FDCWD, path, 0, STATX_INO, &found) == 0) {
        *device = makedev(found.stx_dev_major, found.stx_dev_minor);
        *inode = found.stx_ino;
        return 0;
    }
    // Some containers do not allow this call.
#endif
    struct stat facts;
    if (stat(path, &facts) != 0) return -1;
    *device = (uint64_t)facts.st_dev;
    *inode = (uint64_t)facts.st_ino;
    return 0;
}
