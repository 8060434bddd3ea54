internal import CRunnelSpawn
internal import LibC
internal import Synchronization

/// Kills orphaned children after the worker itself was killed (`kill -9`) or crashed.
///
/// A small shell script reads the process group ids of the children from a pipe that only the worker holds open. Each
/// child announces itself before exec, so it is never unknown. When the pipe closes, the worker has ended, and the
/// script kills all remaining groups, including grandchildren. Without `/bin/sh`, Linux still has PR_SET_PDEATHSIG,
/// which reaches direct children only.
final class ProcessReaper: Sendable {
    static let shared = ProcessReaper()

    private struct State {
        var pipe: CInt = -1
        var process: pid_t = 0
        /// How often each group was announced: its id may belong to a new child before the old one is forgotten.
        var groups: [pid_t: Int] = [:]
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

    /// A descriptor on which a child announces itself, which the caller closes; -1 without a reaper.
    ///
    /// The caller starts the child right away. A reaper that has died is replaced for the next child.
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
                for (group, count) in state.groups {
                    for _ in 0..<count { Self.send("+ \(group)\n", to: state.pipe) }
                }
            }
            return state.pipe < 0 ? -1 : fcntl(state.pipe, F_DUPFD_CLOEXEC, 0)
        }
    }

    /// Records a child that announced itself, to announce it to a replacement reaper.
    func remember(_ group: pid_t) {
        state.withLock { $0.groups[group, default: 0] += 1 }
    }

    /// Removes a child whose group has ended.
    func forget(_ group: pid_t) {
        state.withLock { state in
            guard let count = state.groups[group] else { return }
            state.groups[group] = count > 1 ? count - 1 : nil
            guard state.pipe >= 0 else { return }
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

    /// Called on threads that block SIGPIPE. Lines are shorter than PIPE_BUF, so writes are atomic.
    private static func send(_ line: String, to pipe: CInt) {
        let bytes = Array(line.utf8)
        while write(pipe, bytes, bytes.count) < 0, errno == EINTR {}
    }
}

/// A pipe with close-on-exec ends.
struct ChildPipe {
    let readEnd: CInt
    let writeEnd: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        let problem = runnel_pipe(&ends)
        guard problem == 0 else { throw ChildStartError(errno: problem) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    /// Makes both ends non-blocking. If that fails, the descriptors are unusable and the next use fails.
    func setNonblocking() {
        _ = runnel_set_nonblocking(readEnd)
        _ = runnel_set_nonblocking(writeEnd)
    }

    func close() {
        closeDescriptor(readEnd)
        closeDescriptor(writeEnd)
    }
}

/// Calls the C library's `close`, which methods here shadow.
func closeDescriptor(_ descriptor: CInt) {
    if descriptor >= 0 { _ = close(descriptor) }
}

/// A NULL-terminated array of C strings, valid while the object lives.
final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { (pointers + index).initialize(to: strdup(string)) }
        (pointers + strings.count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deinitialize(count: count + 1)
        pointers.deallocate()
    }
}
