internal import LibC

/// How a child process ended.
package enum ChildExit: Sendable, Hashable {
    case status(Int32)
    case signal(Int32)
    /// Its status was reaped by another waiter.
    case unknown

    var isSuccess: Bool { self == .status(0) }

    /// A predicate for messages about the plugin: `ended with exit status 3`.
    package var words: String {
        switch self {
        case .status(let status): "ended with exit status \(status)"
        case .signal(let number): "was killed by signal \(number)\(Self.name(number).map { " (\($0))" } ?? "")"
        case .unknown: "ended in an unknown way"
        }
    }

    /// Whether a retry may succeed: it was killed from outside, or exited with `EX_TEMPFAIL` of sysexits.
    var isTransient: Bool {
        switch self {
        case .status(let status): status == 75
        case .signal(let number): [1, 2, 9, 15].contains(number)
        case .unknown: true
        }
    }

    /// The signal numbers that Linux and macOS share.
    private static func name(_ number: Int32) -> String? {
        [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        ][number]
    }
}

/// The reason why a child could not be started.
struct ChildStartError: Error, Hashable {
    /// The step that failed.
    enum Stage: Hashable {
        /// The preparation: pipes, a thread.
        case preparation
        case directory
        case execution
    }

    let stage: Stage
    /// The system's error text: "Permission denied".
    let reason: String
    /// Whether it was a transient shortage of a resource.
    let isShortage: Bool

    init(errno number: CInt, at stage: Stage = .preparation) {
        self.stage = stage
        reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        isShortage = [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(number)
    }
}
