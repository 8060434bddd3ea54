internal import CRunnelSpawn
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A pipe that no program inherits.
struct ChildPipe {
    let readEnd: CInt
    let writeEnd: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        let problem = runnel_pipe(&ends)
        guard problem == 0 else { throw ChildStartError(errno: problem, isExecution: false) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    func close() {
        closeDescriptor(readEnd)
        closeDescriptor(writeEnd)
    }
}

/// Lets neither end of the pipe wait.
@discardableResult
func runnelSetNonblocking(_ pipe: ChildPipe) -> Bool {
    runnel_set_nonblocking(pipe.readEnd) == 0 && runnel_set_nonblocking(pipe.writeEnd) == 0
}

/// `close`, which several types here have a method of the name of.
func closeDescriptor(_ descriptor: CInt) {
    if descriptor >= 0 { _ = close(descriptor) }
}

/// Why a child could not be started.
struct ChildStartError: Error, Hashable {
    /// As the system says it: "Permission denied".
    let reason: String
    /// Whether the program itself could not be run, and not something around it.
    let isExecution: Bool
    /// Whether the system had too little of something, so that it may go well later.
    let isShortage: Bool

    init(errno number: CInt, isExecution: Bool) {
        reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        self.isExecution = isExecution
        isShortage = [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(number)
    }
}
