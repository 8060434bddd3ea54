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
        guard problem == 0 else { throw ChildStartError(errno: problem) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    /// Lets neither end wait. Where that fails, the descriptors are unusable anyway, and the next use says so.
    func setNonblocking() {
        _ = runnel_set_nonblocking(readEnd)
        _ = runnel_set_nonblocking(writeEnd)
    }

    func close() {
        closeDescriptor(readEnd)
        closeDescriptor(writeEnd)
    }
}

/// `close` of the system, by a name that no method here hides.
func closeDescriptor(_ descriptor: CInt) {
    if descriptor >= 0 { _ = close(descriptor) }
}
