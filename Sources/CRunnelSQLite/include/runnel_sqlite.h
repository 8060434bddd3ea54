#ifndef RUNNEL_SQLITE_H
#define RUNNEL_SQLITE_H

#include <stdint.h>

/// Turns off the statistics of memory, for which SQLite takes a global lock at each allocation. Has an effect only before
/// the first connection is opened.
void runnel_sqlite_configure(void);

/// Finds out which file has a path, by device and inode.
///
/// Unlike `stat`, it does not read the modification time. On Linux 6.13 and newer, the first write after a read of that time
/// sets a new precise time. `fdatasync` then also writes the inode if the file system has no journal.
///
/// Returns 0, or -1 with errno.
int runnel_sqlite_file_identity(const char *path, uint64_t *device, uint64_t *inode);

#endif
