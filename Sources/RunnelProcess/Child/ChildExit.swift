/// How a child ended.
enum ChildExit: Sendable, Hashable {
    case status(Int32)
    case signal(Int32)
    /// Somebody else took its status.
    case unknown

    var isSuccess: Bool { self == .status(0) }

    /// As the end of a sentence about the plugin: `ended with exit status 3`.
    var words: String {
        switch self {
        case .status(let status): "ended with exit status \(status)"
        case .signal(let number): "was killed by signal \(number)\(Self.name(number).map { " (\($0))" } ?? "")"
        case .unknown: "ended in an unknown way"
        }
    }

    /// Whether another try may go well: someone ended it from outside, or it said so (`EX_TEMPFAIL` of sysexits).
    var isTransient: Bool {
        switch self {
        case .status(let status): status == 75
        case .signal(let number): [1, 2, 9, 15].contains(number)
        case .unknown: true
        }
    }

    /// The numbers that Linux and macOS agree on.
    private static func name(_ number: Int32) -> String? {
        [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        ][number]
    }
}
