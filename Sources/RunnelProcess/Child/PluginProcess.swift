internal import LibC
internal import RunnelSupport
internal import Synchronization
internal import SystemThread

/// A running child process with its pipes.
///
/// A dedicated thread starts the child, transfers its data and reaps it; see ``ChildSupervisor``.
package final class PluginProcess: Sendable {
    /// Callbacks for the child's output. Called serially on the child's thread.
    package struct Sinks: Sendable {
        /// Receives standard output. Returning false pauses reading until ``PluginProcess/resumeOutput()``.
        var output: @Sendable (_ bytes: UnsafeRawBufferPointer) -> Bool
        var error: @Sendable (_ bytes: UnsafeRawBufferPointer) -> Void
        /// Called once if the child closes its standard output but keeps running.
        var outputEnd: (@Sendable () -> Void)?
        /// Called once, last, when the child has ended.
        var end: @Sendable (ChildExit) -> Void

        package init(
            output: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool,
            error: @escaping @Sendable (UnsafeRawBufferPointer) -> Void, outputEnd: (@Sendable () -> Void)? = nil,
            end: @escaping @Sendable (ChildExit) -> Void
        ) {
            (self.output, self.error, self.outputEnd, self.end) = (output, error, outputEnd, end)
        }
    }

    struct State {
        var input: [UInt8] = []
        var written = 0
        var wantsInputClosed = false
        var isInputClosed = false
        var isOutputPaused = false
        var stop: (plan: StopPlan, since: ContinuousClock.Instant)?
        var exit: ChildExit?
        /// The write end of the pipe that wakes the thread; -1 after the thread has ended.
        var waker: CInt

        var pendingInput: Int { input.count - written }
    }

    /// The maximum amount of unread input in bytes.
    static let inputLimit = 256 << 20

    let state: Mutex<State>
    /// How the child ended.
    let ended = Promise<ChildExit>()

    /// Whether there is input that the child has not read.
    package var hasPendingInput: Bool { pendingInputBytes > 0 }

    /// The amount of input in bytes that the child has not read.
    var pendingInputBytes: Int { state.withLock { $0.pendingInput } }

    private init(waker: CInt) {
        state = Mutex(State(waker: waker))
    }

    /// Starts the program.
    /// - Throws: ``ChildStartError``.
    static func start(_ launch: ChildLaunch, sinks: Sinks) async throws -> PluginProcess {
        let wake = try ChildPipe()
        let process = PluginProcess(waker: wake.writeEnd)
        do {
            wake.setNonblocking()
            try await withCheckedThrowingContinuation { (started: CheckedContinuation<Void, any Error>) in
                let problem = SystemThread.start {
                    ChildSupervisor.main(
                        process: process, launch: launch, sinks: sinks, wake: wake.readEnd, started: started)
                }
                if problem != 0 { started.resume(throwing: ChildStartError(errno: problem)) }
            }
        } catch {
            process.state.withLock { $0.waker = -1 }
            wake.close()
            throw error
        }
        return process
    }

    /// Queues bytes for the child's standard input. False if they were rejected: its input is closed, it has ended, or
    /// too much is queued.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.exit == nil, !state.isInputClosed, !state.wantsInputClosed,
                state.pendingInput + bytes.count <= Self.inputLimit
            else { return false }
            if state.written > 0 {
                state.input.removeFirst(state.written)
                state.written = 0
            }
            state.input += bytes
            Self.wake(state)
            return true
        }
    }

    /// Closes the child's standard input after all queued bytes have been written.
    func closeInput() {
        state.withLock { state in
            state.wantsInputClosed = true
            Self.wake(state)
        }
    }

    func resumeOutput() {
        state.withLock { state in
            guard state.isOutputPaused else { return }
            state.isOutputPaused = false
            Self.wake(state)
        }
    }

    /// Starts to stop the child and all processes of its group. A faster plan replaces an earlier one.
    package func stop(_ plan: StopPlan) {
        state.withLock { state in
            guard state.exit == nil else { return }
            let now = ContinuousClock.now
            if let current = state.stop {
                guard now.advanced(by: plan.total) < current.since.advanced(by: current.plan.total) else { return }
            }
            state.stop = (plan, now)
            Self.wake(state)
        }
    }

    /// Waits until the child has ended, also in a cancelled task.
    package func waitForExit() async -> ChildExit {
        guard case .success(let exit) = await ended.settled() else { return .unknown }
        return exit
    }

    /// Called with the state locked, so that the descriptor cannot be closed concurrently.
    private static func wake(_ state: State) {
        guard state.waker >= 0 else { return }
        // If the pipe is full, a wake-up is already pending.
        var byte: UInt8 = 0
        _ = Self.writeByte(state.waker, &byte)
    }

    private static func writeByte(_ descriptor: CInt, _ byte: inout UInt8) -> Int {
        LibC.write(descriptor, &byte, 1)
    }
}

/// Finds the program for the first word of a command, as a shell does.
package struct ProgramSearch {
    /// The plugin's folder, the base of a word with a slash.
    let folder: String
    /// The folders of `PATH`.
    let path: [String]
    /// Whether there is an executable file.
    let isExecutable: (String) -> Bool

    /// `PATH` where the environment has none.
    static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

    init(folder: String, path: String?, isExecutable: @escaping (String) -> Bool = Self.mayBeRun) {
        self.folder = folder
        self.path = (path ?? Self.defaultPath).split(separator: ":").map(String.init)
        self.isExecutable = isExecutable
    }

    /// The program's absolute path.
    func find(_ word: String) throws(Problem) -> String {
        if word.contains("/") {
            let relative = word.hasPrefix("./") ? String(word.dropFirst(2)) : word
            let place = word.hasPrefix("/") ? word : "\(folder)/\(relative)"
            if isExecutable(place) { return place }
            throw Problem(
                message: "there is no executable program \"\(word)\" in \(folder)",
                hint: "check the name, and make the file executable (chmod +x)")
        }
        if let place = path.lazy.map({ "\($0)/\(word)" }).first(where: isExecutable) { return place }
        let isHere = isExecutable("\(folder)/\(word)")
        throw Problem(
            message: "there is no program \"\(word)\" in PATH",
            hint: isHere
                ? "write \"./\(word)\" for the file in the plugin's folder"
                : "install it, or write its path; a path with a slash is relative to the plugin's folder")
    }

    /// The error with a hint.
    package struct Problem: Error, Hashable {
        package let message: String
        package let hint: String
    }

    private static func mayBeRun(_ path: String) -> Bool {
        var information = stat()
        return access(path, X_OK) == 0 && stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
    }
}

extension PluginManifest {
    /// What is wrong with the program of the command, without starting it; nil if it is there.
    ///
    /// - Parameter variables: Of Runnel's environment.
    package func missingProgram(in folder: String, variables: [String: String]) -> ProgramSearch.Problem? {
        guard let word = command?.words.first else { return nil }
        let host = ProcessHost(variables: variables, project: "")
        let path = env.values["PATH"].flatMap { try? $0.resolve(in: host) } ?? variables["PATH"]
        do throws(ProgramSearch.Problem) {
            _ = try ProgramSearch(folder: folder, path: path).find(word)
            return nil
        } catch {
            return .init(message: "the plugin \"\(name.text)\" cannot start: \(error.message)", hint: error.hint)
        }
    }
}

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
    /// Whether a file was not there.
    let isMissing: Bool

    init(errno number: CInt, at stage: Stage = .preparation) {
        self.stage = stage
        reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        isMissing = number == ENOENT
        isShortage = [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(number)
    }
}
