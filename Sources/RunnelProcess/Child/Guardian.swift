internal import CRunnelSpawn
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Ends the children when the worker is gone without having been able to: after `kill -9`, after a crash.
///
/// A small shell script reads the numbers of the children's process groups from a pipe that only the worker holds open.
/// Each child announces itself there before it becomes its program, so there is no moment in which it is unknown. When
/// the pipe ends, the worker has ended, and the script kills every group that is left, with the processes that the
/// children started. Without `/bin/sh`, what is left on Linux is the kernel's own way, which reaches children only.
final class Guardian: Sendable {
    static let shared = Guardian()

    private struct State {
        var pipe: CInt = -1
        var process: pid_t = 0
        var groups: Set<pid_t> = []
    }

    private let state = Mutex(State())

    static let script = """
        trap '' HUP INT QUIT TERM
        groups=' '
        while read -r sign group; do
            case $sign in
                +) groups="$groups$group " ;;
                -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
            esac
        done
        for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
        """

    /// A descriptor on which a child has to announce itself, for the caller to close; -1 where there is no guardian.
    ///
    /// The caller starts the child right away: a guardian that has died is replaced for the next child.
    func descriptor() -> CInt {
        state.withLock { state in
            var detail: CInt = 0
            if state.pipe >= 0, runnel_peek_exit(state.process, &detail) != RUNNEL_RUNNING {
                closeDescriptor(state.pipe)
                runnel_reap(state.process)
                state.pipe = -1
            }
            if state.pipe < 0 {
                Self.start(&state)
                for group in state.groups { Self.send("+ \(group)\n", to: state.pipe) }
            }
            return state.pipe < 0 ? -1 : fcntl(state.pipe, F_DUPFD_CLOEXEC, 0)
        }
    }

    /// The child has announced itself, and would have to be announced to another guardian.
    func remember(_ group: pid_t) {
        state.withLock { _ = $0.groups.insert(group) }
    }

    /// The child's group has ended.
    func forget(_ group: pid_t) {
        state.withLock { state in
            guard state.groups.remove(group) != nil, state.pipe >= 0 else { return }
            Self.send("- \(group)\n", to: state.pipe)
        }
    }

    private static func start(_ state: inout State) {
        guard let pipe = try? ChildPipe() else { return }
        let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            closeDescriptor(nowhere)
            closeDescriptor(pipe.readEnd)
        }
        let arguments = CStrings(["/bin/sh", "-c", script])
        let environment = CStrings([])
        let problem = "/bin/sh".withCString { path in
            "/".withCString { directory in
                var request = runnel_spawn_request(
                    path: path, arguments: arguments.pointers, environment: environment.pointers, directory: directory,
                    input: pipe.readEnd, output: nowhere, error: nowhere, guardian: -1, dies_with_thread: false)
                return runnel_spawn(&request, &state.process)
            }
        }
        guard problem == 0 else {
            closeDescriptor(pipe.writeEnd)
            return
        }
        state.pipe = pipe.writeEnd
    }

    /// Called on threads that block SIGPIPE. The lines are shorter than a pipe's atomic write.
    private static func send(_ line: String, to pipe: CInt) {
        let bytes = Array(line.utf8)
        while write(pipe, bytes, bytes.count) < 0, errno == EINTR {}
    }
}
