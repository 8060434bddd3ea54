#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Why a child could not be started.
struct ChildStartError: Error, Hashable {
    /// What could not be done.
    enum Stage: Hashable {
        /// Something around the program: pipes, a thread.
        case preparation
        case directory
        case execution
    }

    let stage: Stage
    /// As the system says it: "Permission denied".
    let reason: String
    /// Whether the system had too little of something, so that it may go well later.
    let isShortage: Bool

    init(errno number: CInt, at stage: Stage = .preparation) {
        self.stage = stage
        reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        isShortage = [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(number)
    }
}
