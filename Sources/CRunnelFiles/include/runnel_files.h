#ifndef RUNNEL_FILES_H
#define RUNNEL_FILES_H

/// Renames a file unless there is something of the new name, in one step.
///
/// Returns 0, or -1 with errno: EEXIST where the name is taken, EINVAL, ENOSYS or ENOTSUP where the file system or the
/// system cannot do it.
int runnel_rename_exclusively(int folder, const char *name, int new_folder, const char *new_name);

#endif
