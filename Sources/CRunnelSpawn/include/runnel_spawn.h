// What a supervised child needs and Swift cannot do by itself: code between fork and exec.
#ifndef RUNNEL_SPAWN_H
#define RUNNEL_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct runnel_spawn_request {
    /// The program, absolute.
    const char *path;
    /// Both end with NULL.
    char *const *arguments;
    char *const *environment;
    const char *directory;
    /// What become the child's 0, 1 and 2. All other descriptors are closed.
    int input;
    int output;
    int error;
    /// Where the child announces its process group ("+ 123\n") before it becomes the program; -1 for nowhere.
    int guardian;
    /// Whether the child is killed when the calling thread ends, however it ends. Linux only.
    bool dies_with_thread;
};

/// Starts a program in a session, and so a process group, of its own, with default signal handling.
/// Returns 0 and the child's id, or an errno, or a negated errno where the directory cannot be entered. The caller waits for the child (waitid, waitpid).
int runnel_spawn(const struct runnel_spawn_request *request, pid_t *child);

/// A pipe whose ends are closed in programs. Returns 0 or an errno.
int runnel_pipe(int ends[2]);

/// Lets reads and writes return instead of waiting. Returns 0 or an errno.
int runnel_set_nonblocking(int descriptor);

/// A descriptor that becomes readable when the child ends; -1 where the system has none.
int runnel_exit_descriptor(pid_t child);

/// Blocks all signals for the calling thread.
void runnel_block_signals(void);

enum runnel_exit_kind { RUNNEL_RUNNING = 0, RUNNEL_EXITED = 1, RUNNEL_SIGNALLED = 2, RUNNEL_LOST = 3 };

/// Whether and how the child ended, and its status or signal. The child stays, so that its id is not used again.
enum runnel_exit_kind runnel_peek_exit(pid_t child, int *detail);

/// Takes the ended child out of the system's table.
void runnel_reap(pid_t child);

#endif
