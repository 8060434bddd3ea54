#ifndef RUNNEL_SQLITE_H
#define RUNNEL_SQLITE_H

#include <stdint.h>

/// Turns off the statistics of memory, for which SQLite takes a global lock at each allocation. Has an effect only before
/// the first connection is opened.
void runnel_sqlite_configure(void);

/// Finds out which file has a path, by device and inode.
///
/// Unlike `stat`, it does not ask for the times of the file. Since version 6.13, Linux gives a file whose time was asked
/// for an exact one at the next write. A file system without a journal then writes the inode with each `fdatasync`.
///
/// Returns 0, or -1 with errno.
int runnel_sqlite_file_identity(const char *path, uint64_t *device, uint64_t *inode);

#endif
