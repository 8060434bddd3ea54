internal import CRunnelSpawn
internal import LibC
package import RunnelKit

/// Runs the command of a secret and reads its standard output, before anything else is running.
///
/// Its standard error goes where Runnel's goes, so that a password manager can say what is wrong. The command ends with
/// its process group after the time limit.
package struct SecretCommand: Sendable {
    private let environment: [String: String]
    private let directory: String

    /// The maximum size of the output in bytes.
    private static let outputLimit = 64 << 10
    private static let timeLimit = Duration.seconds(30)

    /// - Parameters:
    ///   - environment: Of Runnel's process; the command gets all of it.
    ///   - directory: The folder of `runnel.yaml`, absolute.
    package init(environment: [String: String], directory: String) {
        self.environment = environment
        self.directory = directory
    }

    /// The output of the command, or why there is none.
    package func run(_ words: [String], limit: Duration? = nil) -> Result<String, UnavailableSecret> {
        let name = words.first ?? ""
        let program: String
        do throws(ProgramSearch.Problem) {
            program = try ProgramSearch(folder: directory, path: environment["PATH"]).find(name)
        } catch {
            return .failure(UnavailableSecret(reason: error.message))
        }
        guard let pipe = try? ChildPipe() else {
            return .failure(UnavailableSecret(reason: "the command \"\(name)\" cannot be started: no pipe"))
        }
        defer { closeDescriptor(pipe.readEnd) }
        var child: pid_t = 0
        let problem = spawn(program, words, output: pipe.writeEnd, &child)
        closeDescriptor(pipe.writeEnd)
        guard problem == 0 else {
            let error = ChildStartError(errno: abs(problem))
            return .failure(UnavailableSecret(reason: "the command \"\(name)\" cannot be started: \(error.reason)"))
        }
        let output = read(pipe.readEnd, until: ContinuousClock.now.advanced(by: limit ?? Self.timeLimit))
        var detail: CInt = 0
        if output != nil {
            // It closed its output; it has a moment to end.
            for _ in 0..<100 where runnel_peek_exit(child, &detail) == RUNNEL_RUNNING { usleep(10_000) }
        }
        let end = runnel_peek_exit(child, &detail)
        kill(-child, SIGKILL)
        var status: CInt = 0
        while runnel_peek_exit(child, &status) == RUNNEL_RUNNING { usleep(1000) }
        runnel_reap(child)
        guard let output else {
            return .failure(
                UnavailableSecret(
                    reason: "the command \"\(name)\" did not end within \(DurationText.format(limit ?? Self.timeLimit))"
                ))
        }
        guard output.count <= Self.outputLimit else {
            return .failure(UnavailableSecret(reason: "the command \"\(name)\" printed more than 64 KiB"))
        }
        guard end == RUNNEL_EXITED, detail == 0 else {
            let how = end == RUNNEL_EXITED ? "ended with exit status \(detail)" : "did not end regularly"
            return .failure(UnavailableSecret(reason: "the command \"\(name)\" \(how)"))
        }
        do throws(TextEncoding.Failure) {
            return .success(try TextEncoding.utf8.text(of: output))
        } catch {
            return .failure(UnavailableSecret(reason: "the output of the command \"\(name)\" \(error.message)"))
        }
    }

    private func spawn(_ program: String, _ words: [String], output: CInt, _ child: inout pid_t) -> CInt {
        let nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { closeDescriptor(nowhere) }
        let arguments = CStrings([program] + words.dropFirst())
        let variables = CStrings(environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
        return program.withCString { path in
            directory.withCString { directory in
                var request = runnel_spawn_request(
                    path: path, arguments: arguments.pointers, environment: variables.pointers, directory: directory,
                    input: nowhere, output: output, error: STDERR_FILENO, guardian: -1, dies_with_thread: false)
                return runnel_spawn(&request, &child)
            }
        }
    }

    /// Everything up to the end, or up to a little more than the limit; nil if the time is up.
    private func read(_ descriptor: CInt, until deadline: ContinuousClock.Instant) -> [UInt8]? {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while output.count <= Self.outputLimit {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left >= .zero else { return nil }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wait, 1, CInt(clamping: left.wholeMilliseconds))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            let count = LibC.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return output }
            output += buffer[..<count]
        }
        return output
    }
}
