public import Logging

/// What a step may use while it runs.
public struct StepContext: Sendable {
    /// The run and the step, for logs and for the receiver of an effect.
    public var identity: StepIdentity
    /// The output of the step before: what flows down the pipe.
    public var input: Value
    /// Writes to Runnel's log, with run and step attached.
    public var logger: Logger
    /// For waiting. A test replaces it, so nothing may sleep by other means.
    public var clock: any Clock<Duration>
    /// For time stamps: nanoseconds since 1970 (UTC).
    public var now: @Sendable () -> Int64
    /// Masks the secrets of this project in a text.
    public var redactor: Redactor
    /// Clients and other things that all steps share.
    public var services: Services
    /// Where the project is, and which files a step may touch.
    public var project: ProjectDirectory
    /// The keys of `with:` whose text depends on anything but configuration, such as a trigger event or the output of a
    /// step, each with the literal text before its first expression.
    public var dataKeys: [String: String] = [:]
    /// Whether the data of the run may come from outside. False for a run that a person started, or a trigger without
    /// ``Trigger/bringsOutsideData``.
    public var isFromOutside = false
    /// The step's `with:` before it was rendered; nil where a step runs without a pipeline.
    package var settings: PartialSettings?
    /// Renders a text with the same names in scope as the step's `with:`; `name` stands in errors, as a file would.
    public var render: @Sendable (_ text: String, _ name: String) throws -> Value

    /// What the step keeps in the journal beside its output: facts, usage, a checkpoint, a memory over runs.
    public var journal: any StepJournal
    /// What the calls of models cost; see ``PriceTable``.
    public var prices: PriceTable
    /// The trace that the step works in: what to send along with requests, and spans of its own.
    public var trace = StepTrace()
    /// How many runs led to this one, each started by what the one before it did; see ``TriggerEvent/cause``. A step that
    /// may start runs elsewhere hands it on.
    public var chain: Int
    private let origins: RunOrigins
    private let sink: @Sendable (StepProgress) async -> Void
    private let interruption: @Sendable () -> Bool
    private let ownership: @Sendable () throws -> Void

    package init(
        identity: StepIdentity, input: Value = .null, logger: Logger, clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Int64, redactor: Redactor = Redactor(), services: Services,
        project: ProjectDirectory, chain: Int = 0, origins: RunOrigins = RunOrigins(),
        render: @escaping @Sendable (_ text: String, _ name: String) throws -> Value,
        journal: any StepJournal = ForgetfulStepJournal(), prices: PriceTable = PriceTable(),
        isInterrupted: @escaping @Sendable () -> Bool = { false },
        checkOwnership: @escaping @Sendable () throws -> Void = {},
        progress: @escaping @Sendable (StepProgress) async -> Void
    ) {
        self.identity = identity
        self.input = input
        self.logger = logger
        self.clock = clock
        self.now = now
        self.redactor = redactor
        self.services = services
        self.project = project
        self.chain = chain
        self.origins = origins
        self.render = render
        self.journal = journal
        self.prices = prices
        self.sink = progress
        interruption = isInterrupted
        ownership = checkOwnership
    }

    /// Tells whoever watches the run what is going on. Waits while the watcher is behind.
    public func report(_ progress: StepProgress) async {
        await sink(progress)
    }

    /// Whether the cancelled task is to go on later: the process stops, or the run belongs to another worker now. A step
    /// with work outside of Runnel leaves it alone then, and ends it when it was really cancelled or timed out.
    public var isInterrupted: Bool { interruption() }

    /// Ends the step if another worker may have taken the run by now. A process that was frozen goes on where it stood and
    /// learns only later that it counts as dead. A step asks right before an effect leaves it: when a connection takes
    /// the body of a request, before a program is started, before a file gets its name.
    ///
    /// - Throws: `CancellationError`; nothing of the step is stored then.
    public func checkOwnership() throws { try ownership() }

    /// Writes a file of the project, so that triggers which see the file know which run it comes from. Without it the
    /// file counts as one from outside.
    ///
    /// - Parameters:
    ///   - path: Relative to the project's folder, or absolute. One outside of it has no effect.
    ///   - body: Writes the file.
    public func writing<Result, Failure: Error>(
        _ path: String, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let end = beginWriting([path])
        defer { end() }
        return try body()
    }

    /// Notes that a program which the step has started writes these files, or files below these folders, until `body`
    /// returns; see ``writing(_:_:)``.
    ///
    /// - Parameters:
    ///   - paths: As in ``writing(_:_:)``.
    ///   - body: Runs the program.
    public func writing<Result>(allOf paths: [String], _ body: () async throws -> Result) async throws -> Result {
        let end = beginWriting(paths)
        defer { end() }
        return try await body()
    }

    private func beginWriting(_ paths: [String]) -> () -> Void {
        let origin = RunOrigin(pipeline: identity.pipeline, runID: identity.runID)
        let paths = paths.compactMap { (try? project.confined($0))?.text }
        for path in paths { origins.begin(path, by: origin, at: now()) }
        return { for path in paths { origins.end(path, by: origin, at: now()) } }
    }

    /// The same on every attempt of this step in this run, and different everywhere else.
    public var idempotencyKey: String { identity.idempotencyKey }
}

/// Which step of which run.
public struct StepIdentity: Sendable, Hashable {
    /// The pipeline's name.
    public var pipeline: String
    /// UUIDv7 in lower case.
    public var runID: String
    /// The step's id in the pipeline.
    public var stepID: String
    /// From 0, inside of `for_each`: one number for each around the step, the outermost first.
    public var items: [Int]
    /// From 1.
    public var attempt: Int
    /// The fencing token of whoever works on the run: it grows each time the run is taken up, so that a receiver can
    /// tell the effect of a worker that counted as dead from a newer one. nil for a run that is not kept.
    public var epoch: Int64?

    /// The identity of one execution; see the properties.
    public init(
        pipeline: String, runID: String, stepID: String, items: [Int] = [], attempt: Int = 1, epoch: Int64? = nil
    ) {
        self.pipeline = pipeline
        self.runID = runID
        self.stepID = stepID
        self.items = items
        self.attempt = attempt
        self.epoch = epoch
    }

    /// Names the effect of the step towards the outside world: `run_step`, or `run_step:3` for an item. The attempt is
    /// not part of it.
    public var idempotencyKey: String {
        "\(runID)_\(stepID)" + items.map { ":\($0)" }.joined()
    }
}

/// What a step says while it runs.
@nonexhaustive public enum StepProgress: Sendable, Hashable {
    /// A piece of text as it came, to be shown right behind the one before.
    case text(String)
    /// A line about what is going on: an agent's task, a retry.
    case note(String)
}
