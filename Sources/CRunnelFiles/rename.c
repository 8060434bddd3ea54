// Swift's modules of the C libraries do not have these calls.
#define _GNU_SOURCE
#include "runnel_files.h"

#include <errno.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

int runnel_rename_exclusively(int folder, const char *name, int new_folder, const char *new_name) {
#ifdef SYS_renameat2
    const unsigned int no_replace = 1;
    return (int)syscall(SYS_renameat2, folder, name, new_folder, new_name, no_replace);
#else
    errno = ENOSYS;
    return -1;
#endif
}

#elif defined(__APPLE__)
#include <stdio.h>

int runnel_rename_exclusively(int folder, const char *name, int new_folder, const char *new_name) {
    return renameatx_np(folder, name, new_folder, new_name, RENAME_EXCL);
}

#else

int runnel_rename_exclusively(int folder, const char *name, int new_folder, const char *new_name) {
    (void)folder, (void)name, (void)new_folder, (void)new_name;
    errno = ENOSYS;
    return -1;
}

#endif
