#ifndef RUNNEL_SQLITE_H
#define RUNNEL_SQLITE_H

/// Turns off the statistics of memory, for which SQLite takes a global lock at each allocation. Has an effect only before
/// the first connection is opened.
void runnel_sqlite_configure(void);

#endif
