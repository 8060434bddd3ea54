#include <fcntl.h>
#include <unistd.h>

// Opens /dev/null in the place of closed standard streams, before anything else is opened: Swift's runtime opens
// descriptors ahead of main. Otherwise the next file, such as an event of the runtime or the journal, would get their
// number and receive what is written to them.
//
// The mode makes each use fail as that of a closed stream does (EBADF).
__attribute__((constructor)) static void runnel_occupy_standard_streams(void) {
    const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int number = 0; number <= 2; number++) {
        if (fcntl(number, F_GETFD) == -1 && open("/dev/null", modes[number]) == -1) return;
    }
}
