internal import Logging
public import RunnelKit
internal import Synchronization

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Runs one step by itself, the way the engine would, and keeps what it reported.
public struct StepHarness: Sendable {
    /// Which step of which run the step takes itself for.
    public var identity = StepIdentity(
        pipeline: "test", runID: "0198c0de-0000-7000-8000-000000000001", stepID: "step")
    /// The output of the step before.
    public var input: Value = .null
    /// What the step waits on.
    public var clock: any Clock<Duration> = ContinuousClock()
    /// Nanoseconds since 1970. It stands still.
    public var now: Int64 = 1_767_225_600_000_000_000
    /// Masks the secrets of the test.
    public var redactor = Redactor()
    /// What the step finds through its context.
    public var services = Services()
    /// The project that the step works in.
    public var project: ProjectDirectory
    /// What the step gets when it renders a text; the text itself unless a test says otherwise.
    public var render: @Sendable (_ text: String, _ name: String) throws -> Value = { text, _ in .string(text) }

    /// What the step stores besides its output: attributes, usage, a checkpoint, memory.
    public var journal = StepJournalRecorder()
    /// What calls of models cost.
    public var prices = PriceTable()
    /// The trace that the step works in.
    public var trace = StepTrace()
    /// Whether a cancelled step takes itself for interrupted.
    public var isInterrupted = false
    /// Whether the run still belongs to this worker when the step asks; see `StepContext.checkOwnership()`.
    public var ownsRun = true
    private let reports = ReportLog()

    /// - Parameter directory: The project's folder. Steps that touch files need a real one.
    public init(directory: String = "/nonexistent") {
        project = ProjectDirectory(path: directory)
    }

    /// Runs the step `S` with a `with:` as it would be after rendering.
    public func run<S: Step>(_ step: S.Type, with: ValueObject = [:]) async throws -> Value {
        try await StepDefinition(step).run(with, context)
    }

    /// What was reported so far, in order.
    public var progress: [StepProgress] { reports.all }

    /// The context that ``run(_:with:)`` hands to the step.
    public var context: StepContext {
        var context = StepContext(
            identity: identity, input: input, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            clock: clock, now: { [now] in now }, redactor: redactor, services: services, project: project,
            render: render, journal: journal, prices: prices, isInterrupted: { [isInterrupted] in isInterrupted },
            checkOwnership: { [ownsRun] in if !ownsRun { throw CancellationError() } },
            progress: { [reports] in reports.append($0) })
        context.trace = trace
        return context
    }
}

private final class ReportLog: Sendable {
    private let storage = Mutex<[StepProgress]>([])
    var all: [StepProgress] { storage.withLock { $0 } }
    func append(_ progress: StepProgress) { storage.withLock { $0.append(progress) } }
}

/// Runs `body` with the path of a fresh, empty folder, which is removed afterwards.
public func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let manager = FileManager.default
    // The real path, since steps compare paths after links are resolved.
    let base = manager.temporaryDirectory.path
    let path = base + (base.hasSuffix("/") ? "" : "/") + "runnel-\(UUID().uuidString.lowercased())"
    try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: path) }
    return try await body(path)
}
