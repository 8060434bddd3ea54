/// One way in which runs begin by themselves: `on: { schedule: … }`, `on: { watch: … }`.
///
/// A trigger is one file: its name and documentation, its keys as ``Field`` properties, and ``run(_:)``. Each entry
/// under `on:` of each pipeline becomes one value, made once when a worker starts or the pipeline's file changes.
public protocol Trigger: FieldGroup {
    /// The key under `on:`, and `trigger.type` in templates.
    static var name: String { get }
    /// One sentence for lists.
    static var summary: String { get }
    /// What the reference says beyond the summary and the keys.
    static var documentation: TriggerDocumentation { get }

    /// What the dashboard calls the trigger, by language (`en`, `ja`): `["en": "file"]`. Its ``name`` where a language is
    /// missing, and in all of them unless a trigger says otherwise.
    static var titles: [String: String] { get }

    /// What the dashboard shows of a run beside the trigger's title, in one line: the name of the file, the time of the
    /// tick. nil, unless a trigger says otherwise, where the title is enough.
    ///
    /// - Parameter payload: `trigger` of the run, with secrets masked. Keys can be missing: an older version of the
    ///   trigger may have started the run.
    static func summary(of payload: Value) -> String?

    /// Whether others than the pipeline's author decide on something in the payload: a sender, a file, another run. Where
    /// they do, steps treat what depends on it as untrusted; see ``StepContext/isFromOutside``. True, unless a trigger
    /// such as `schedule` says otherwise.
    static var bringsOutsideData: Bool { get }

    /// Keys of its memory that make sense only while the trigger stands in its pipeline: they are forgotten when it is
    /// taken out, so that nothing is made up for when it is put back. None unless a trigger says otherwise.
    static var memoryWhileDeclared: [String] { get }

    /// Whether an entry with a changed ``identity()`` keeps what it remembers if no other entry of the trigger changes
    /// with it: for triggers whose identity holds all that they listen to, so that every correction changes it. False
    /// unless a trigger says otherwise.
    static var keepsMemoryWhenEdited: Bool { get }

    /// The key that a list of plain values under the trigger's name stands for: with `events`, `on: { health: [disk] }`
    /// is `on: { health: { events: [disk] } }`. None unless a trigger says otherwise.
    static var shorthand: String? { get }

    /// Hints for names that other tools use: what to write instead. None unless a trigger says otherwise.
    static var nameHints: [NameHint] { get }

    /// What the trigger listens to, such as the folder of a `watch`. By it the trigger is recognised when its other
    /// settings or its place under `on:` change, unless its entry carries an `id`. nil, where only the place tells,
    /// unless a trigger says otherwise.
    func identity() -> String?

    /// What is allowed, but probably not what was meant; each with the key in its path. Shown as warnings by
    /// `runnel validate` and at the start of `runnel serve`. Nothing unless a trigger says otherwise.
    func warnings() -> [FieldError]

    /// What the trigger takes for itself, so that the pipelines of a folder can be checked together. Nothing unless a
    /// trigger says otherwise.
    func claims(in context: ValidationContext) -> [TriggerClaim]

    /// Checks what depends on where the settings stand, such as the places of a project that a pipeline may touch. Called
    /// after ``FieldGroup/validate()``, before the pipeline is served and again when the trigger starts. Does nothing unless
    /// a trigger says otherwise.
    func validate(in context: ValidationContext) throws(FieldError)

    /// Emits an event for everything that should start a run, until the task is cancelled.
    ///
    /// An event counts as accepted when ``TriggerContext/emit(_:)`` has returned: the run is on disk then. Only then
    /// may the source be told so, a file be moved, or a caller be answered. What is thrown is logged, and the trigger
    /// is started again after a pause that grows.
    func run(_ context: TriggerContext) async throws

    /// Called when a run has ended that repeats a run of this trigger, and ``TriggerContext/relocate(_:from:to:)`` was
    /// called for that one with a ``RunSource/state``. It may be called again for the same run after a crash, and by
    /// another process than the one that serves the trigger. Does nothing unless a trigger says otherwise.
    ///
    /// - Returns: Where it is now, for the next run that repeats it.
    static func retried(_ retry: RetriedRun, _ context: RetryContext) async throws -> RunSource?

    /// Whether what a run of this trigger was started for is still where ``TriggerContext/relocate(_:from:to:)`` noted,
    /// for a selection of runs to repeat. True unless a trigger says otherwise.
    ///
    /// - Throws: If this cannot be determined, for example because permission is missing.
    static func isThere(_ source: RunSource, in project: ProjectDirectory) throws -> Bool

    /// What `runnel doctor` says of the trigger in a pipeline: what it needs and whether that is there. Nothing unless a
    /// trigger says otherwise.
    func diagnose(pipeline: String, _ context: DiagnosisContext) async -> [HealthFinding]
}

/// The reference of a trigger, beside its keys.
public struct TriggerDocumentation: Sendable, Hashable {
    /// A few sentences: when it fires, what happens after downtime. Plain Markdown.
    public var details: String
    /// The keys of `trigger` in templates, beside `type`.
    public var payload: [PayloadKey]
    /// Each as it would stand under `on:`, beginning with the trigger's name.
    public var examples: [StepDocumentation.Example]

    /// A key of `trigger` in templates.
    public struct PayloadKey: Sendable, Hashable {
        /// The key.
        public let name: String
        /// What its value is, in one sentence of Markdown.
        public let help: String
        /// Whether `trigger.folded` lists the value of each event. Values that can be large, and that few alerts need, are
        /// left out, so that many events fit into the bounds of the list.
        public let isListed: Bool

        /// A key and what its value is.
        public init(_ name: String, _ help: String, isListed: Bool = true) {
            self.name = name
            self.help = help
            self.isListed = isListed
        }
    }

    /// The reference of a trigger; see the properties.
    public init(details: String = "", payload: [PayloadKey], examples: [StepDocumentation.Example] = []) {
        self.details = details
        self.payload = payload
        self.examples = examples
    }
}

extension Trigger {
    /// None: the name.
    public static var titles: [String: String] { [:] }
    /// nil
    public static func summary(of payload: Value) -> String? { nil }
    /// True.
    public static var bringsOutsideData: Bool { true }
    /// No keys.
    public static var memoryWhileDeclared: [String] { [] }
    /// False.
    public static var keepsMemoryWhenEdited: Bool { false }
    /// None.
    public static var shorthand: String? { nil }
    /// None.
    public static var nameHints: [NameHint] { [] }
    /// nil
    public func identity() -> String? { nil }
    /// Finds nothing.
    public func warnings() -> [FieldError] { [] }
    /// Claims nothing.
    public func claims(in context: ValidationContext) -> [TriggerClaim] { [] }
    /// Checks nothing.
    public func validate(in context: ValidationContext) throws(FieldError) {}
    /// Leaves the source where it is.
    public static func retried(_ retry: RetriedRun, _ context: RetryContext) async throws -> RunSource? { retry.source }
    /// Knows nothing to the contrary.
    public static func isThere(_ source: RunSource, in project: ProjectDirectory) -> Bool { true }
    /// Finds nothing.
    public func diagnose(pipeline: String, _ context: DiagnosisContext) async -> [HealthFinding] { [] }
}

/// A trigger that knows when it fires: `runnel schedule next` prints its times.
public protocol TimedTrigger: Trigger {
    /// When the trigger fires.
    ///
    /// - Throws: What is wrong with the keys, with the key in its path.
    func preview() throws(FieldError) -> TriggerPreview
}

/// When a trigger fires, as a pure function of the time.
public struct TriggerPreview: Sendable {
    /// The first time after another one at which the trigger fires, both in nanoseconds since 1970 (UTC); nil where it
    /// never does again.
    public var next: @Sendable (_ after: Int64) -> Int64?
    /// A time in the trigger's time zone, as RFC 3339: `2026-11-24T09:00:00+09:00`.
    public var text: @Sendable (_ time: Int64) -> String

    /// The event of a time as the trigger itself emits it, so that a backfill starts no second run; nil where times of
    /// the past cannot be run.
    ///
    /// - Parameter identity: See ``TriggerContext/identity``.
    public var event: (@Sendable (_ time: Int64, _ identity: String, _ firedAt: Int64) -> TriggerEvent)?
    /// Whether the entry lets the trigger fire; the times of one that does not can still be backfilled.
    public var isEnabled: Bool
    /// When else the trigger fires, such as "at the start of `runnel serve`".
    public var occasion: String?

    /// A preview of these times.
    public init(
        next: @escaping @Sendable (_ after: Int64) -> Int64?, text: @escaping @Sendable (_ time: Int64) -> String,
        event: (@Sendable (_ time: Int64, _ identity: String, _ firedAt: Int64) -> TriggerEvent)? = nil,
        isEnabled: Bool = true, occasion: String? = nil
    ) {
        self.next = next
        self.text = text
        self.event = event
        self.isEnabled = isEnabled
        self.occasion = occasion
    }
}

/// A trigger that can make the event of a stored delivery again, so that an operator can replay it: `runnel deliveries
/// replay`.
public protocol ReplayingTrigger: Trigger {
    /// The event of a request as the trigger itself would emit it. Who sent the request is not checked: the header
    /// fields that prove it are not stored, and the operator vouches for it.
    ///
    /// - Parameters:
    ///   - delivery: As it came, without header fields and query parameters that carry credentials.
    ///   - context: Whose run it is.
    /// - Throws: An ``IngressError`` or a ``StepError`` that says why no run can come of it.
    func event(replaying delivery: IngressRequest, _ context: ReplayContext) throws -> TriggerEvent
}

/// What a trigger may use to make the event of a stored delivery again.
public struct ReplayContext: Sendable {
    /// The pipeline whose run it will be.
    public var pipeline: String
    /// See ``TriggerContext/identity``.
    public var identity: String

    /// A context; see the properties.
    public init(pipeline: String, identity: String) {
        self.pipeline = pipeline
        self.identity = identity
    }
}

/// A trigger that starts runs when runs of other pipelines end. `runnel validate` finds pipelines that would start each
/// other in a ring.
public protocol FollowingTrigger: Trigger {
    /// Whether ends of another pipeline can start runs.
    ///
    /// - Parameters:
    ///   - pipeline: The name of the other pipeline.
    ///   - own: The name of the pipeline that the trigger stands in.
    func follows(_ pipeline: String, in own: String) -> Bool

    /// The names of other pipelines that are written out, without patterns, each with the keys that lead to it in the
    /// entry. `runnel validate` warns of those that no pipeline of the folder has.
    var namedPipelines: [(path: [FieldError.PathElement], name: String)] { get }
}

extension FollowingTrigger {
    /// None.
    public var namedPipelines: [(path: [FieldError.PathElement], name: String)] { [] }
}

/// What a trigger takes for itself. The pipelines that are served together are checked for claims that exclude each other.
@nonexhaustive public enum TriggerClaim: Sendable {
    /// The path of an ``IngressRoute``. Only one trigger can have it.
    case route(String)
    /// Files of a folder.
    case files(FileClaim)
}

/// The files that a trigger waits for.
public struct FileClaim: Sendable {
    /// The folder, relative to the project's; `.` is the project's folder.
    public var folder: String
    /// The patterns that a file's name must match; every name when empty.
    public var include: [Glob]
    /// Whether a file is moved or deleted after its run, so that no other trigger finds it.
    public var consumes: Bool
    /// Whether a file at this path, relative to the project's folder, would start a run.
    public var takes: @Sendable (_ path: String) -> Bool
    /// Whether files of this folder, relative to the project's, could start a run.
    public var covers: @Sendable (_ folder: String) -> Bool
    /// Where the files go after their runs.
    public var moves: [FileMove]

    /// A claim; see the properties.
    public init(
        folder: String, include: [Glob], consumes: Bool, takes: @escaping @Sendable (_ path: String) -> Bool,
        covers: @escaping @Sendable (_ folder: String) -> Bool, moves: [FileMove] = []
    ) {
        self.folder = folder
        self.include = include
        self.consumes = consumes
        self.takes = takes
        self.covers = covers
        self.moves = moves
    }

    /// Whether one file could belong to both claims.
    public func overlaps(_ other: FileClaim) -> Bool {
        (covers(other.folder) || other.covers(folder)) && includes(other.include)
    }

    /// Whether a file that is moved so could start a run.
    public func receives(_ move: FileMove) -> Bool { covers(move.folder) && includes(move.names) }

    /// Whether a name could match these patterns, every name when empty, and be one of the claim's.
    private func includes(_ patterns: [Glob]) -> Bool {
        include.isEmpty || patterns.isEmpty
            || include.contains { pattern in patterns.contains { pattern.overlaps($0) } }
    }
}

/// A folder that files go to after their runs.
public struct FileMove: Sendable {
    /// The key of the trigger's entry that names the folder.
    public var key: String
    /// The folder, relative to the project's.
    public var folder: String
    /// The patterns of the files' names there; every name when empty.
    public var names: [Glob]

    /// A move; see the properties.
    public init(key: String, folder: String, names: [Glob]) {
        self.key = key
        self.folder = folder
        self.names = names
    }
}
