/// A trigger as the registry holds it: everything the engine knows of it.
///
/// Triggers written in Swift are registered by their type. Triggers that live elsewhere, such as in a child process, are
/// made with ``init(name:summary:documentation:titles:schema:identity:run:)``.
public struct TriggerDefinition: Sendable {
    /// What `trigger.type` is for a run by hand, so that no trigger has this name.
    package static let manual = "manual"
    /// The keys that every entry under `on:` can have beside those of its trigger.
    package static let sharedKeys = ["if", "debounce", "id"]

    /// See ``Trigger/name``.
    public let name: String
    /// See ``Trigger/summary``.
    public let summary: String
    /// See ``Trigger/documentation``.
    public let documentation: TriggerDocumentation
    /// See ``Trigger/titles``.
    public let titles: [String: String]
    /// See ``Trigger/summary(of:)``.
    public let payloadSummary: @Sendable (_ payload: Value) -> String?
    /// See ``Trigger/bringsOutsideData``.
    public let bringsOutsideData: Bool
    /// The JSON schema (2020-12) of one entry under `on:`.
    public var schema: Value { declaration.content.schema }
    /// The declared keys of an entry.
    public var fields: [FieldDefinition] { declaration.content.fields }
    /// Rules over several keys.
    public let rules: [FieldRule]
    /// See ``Trigger/memoryWhileDeclared``.
    public let memoryWhileDeclared: [String]
    /// See ``Trigger/keepsMemoryWhenEdited``.
    public let keepsMemoryWhenEdited: Bool
    /// See ``Trigger/shorthand``.
    public let shorthand: String?
    /// See ``Trigger/nameHints``.
    public var nameHints: [NameHint] = []
    /// Reads a rendered entry for ``Trigger/identity()``.
    public let identity: @Sendable (_ entry: ValueObject) -> String?
    /// Reads an entry that is known in part for ``Trigger/warnings()``.
    package let warnings: @Sendable (_ entry: PartialSettings) -> [FieldError]
    /// Reads a rendered entry for ``Trigger/claims(in:)``.
    public let claims: @Sendable (_ entry: ValueObject, _ context: ValidationContext) -> [TriggerClaim]
    /// The schema of the entry, if paths of the project stand there; see ``ProjectPath``.
    package var paths: SchemaPlace? { declaration.content.paths }
    private let declaration: SettingsDeclaration
    /// Reads one key's value for the sake of its errors.
    public let problems: @Sendable (_ key: String, _ value: Value) -> [FieldError]
    /// Reads a whole entry for the sake of its errors: what only several keys together can tell.
    public let check: @Sendable (_ entry: ValueObject) -> FieldError?
    /// Reads an entry that is known in part, for the sake of its errors.
    package let partialCheck: @Sendable (_ entry: PartialSettings, _ context: ValidationContext) -> FieldError?
    /// See ``Trigger/retried(_:_:)``.
    package let retried: @Sendable (_ retry: RetriedRun, _ context: RetryContext) async throws -> RunSource?
    /// See ``Trigger/isThere(_:in:)``.
    package let isThere: @Sendable (_ source: RunSource, _ project: ProjectDirectory) throws -> Bool
    /// Reads the rendered entry and watches for events until the task is cancelled.
    public let run: @Sendable (_ entry: ValueObject, _ context: TriggerContext) async throws -> Void
    /// Reads the rendered entry and says when it fires; nil for a trigger that cannot know. See ``TimedTrigger``.
    public let preview: (@Sendable (_ entry: ValueObject) throws(FieldError) -> TriggerPreview)?
    /// Reads the rendered entry and makes the event of a stored delivery again; nil for other triggers. See
    /// ``ReplayingTrigger``.
    package let replay:
        (@Sendable (_ entry: ValueObject, _ delivery: IngressRequest, _ context: ReplayContext) throws -> TriggerEvent)?
    /// Reads the entries of the trigger's ledger; nil for a trigger without one. See ``LedgerTrigger``.
    package let ledger: TriggerLedger?
    /// Reads an entry and says whether ends of another pipeline can start runs; nil for other triggers. See
    /// ``FollowingTrigger``.
    public let follows: (@Sendable (_ entry: ValueObject, _ pipeline: String, _ own: String) -> Bool)?
    /// Reads an entry and says which other pipelines it names; nil for other triggers. See
    /// ``FollowingTrigger/namedPipelines``.
    public let namedPipelines: (@Sendable (_ entry: ValueObject) -> [(path: [FieldError.PathElement], name: String)])?
    /// Reads the rendered entry and says what `runnel doctor` has to say of it; see ``Trigger/diagnose(pipeline:_:)``.
    public let diagnose:
        @Sendable (_ entry: ValueObject, _ pipeline: String, _ context: DiagnosisContext) async -> [HealthFinding]

    /// The definition of a trigger that is written in Swift.
    public init<T: Trigger>(_ type: T.Type) {
        name = type.name
        summary = type.summary
        documentation = type.documentation
        titles = type.titles
        payloadSummary = { type.summary(of: $0) }
        bringsOutsideData = type.bringsOutsideData
        declaration = SettingsDeclaration(of: type)
        rules = type.rules
        memoryWhileDeclared = type.memoryWhileDeclared
        keepsMemoryWhenEdited = type.keepsMemoryWhenEdited
        shorthand = type.shorthand
        nameHints = type.nameHints
        identity = { (try? T(fields: $0))?.identity() }
        retried = { try await type.retried($0, $1) }
        isThere = { try type.isThere($0, in: $1) }
        // What is wrong with an entry is found by validation.
        warnings = { settings in
            let warnings = T.known(in: settings) { trigger in trigger.warnings() } ?? []
            return warnings.filter { settings.knowledge(of: $0.path) == .known }
        }
        claims = { entry, context in (try? T(fields: entry))?.claims(in: context) ?? [] }
        problems = { type.problems(key: $0, value: $1) }
        check = { entry in
            do throws(FieldError) {
                _ = try T(fields: entry)
                return nil
            } catch {
                return error
            }
        }
        preview = (type as? any TimedTrigger.Type).map { Self.preview(of: $0) }
        replay = (type as? any ReplayingTrigger.Type).map { Self.replay(by: $0) }
        ledger = (type as? any LedgerTrigger.Type).map { Self.ledger(of: $0) }
        follows = (type as? any FollowingTrigger.Type).map { Self.follows(of: $0) }
        namedPipelines = (type as? any FollowingTrigger.Type).map { Self.namedPipelines(of: $0) }
        diagnose = { entry, pipeline, context in
            guard let trigger = try? T(fields: entry) else { return [] }
            return await trigger.diagnose(pipeline: pipeline, context)
        }
        partialCheck = { settings, context in
            T.problem(in: settings) { trigger throws(FieldError) in try trigger.validate(in: context) }
        }
        run = { entry, context in try await Self.trigger(type, entry, context).run(context) }
    }

    /// Reads and checks an entry.
    ///
    /// - Returns: An existential, which is on the heap. The frames of the task, which lasts for months, would hold the
    ///   trigger more than once.
    private static func trigger<T: Trigger>(
        _ type: T.Type, _ entry: ValueObject, _ context: TriggerContext
    ) throws(StepError) -> any Trigger {
        do throws(FieldError) {
            let trigger = try T(fields: entry)
            try trigger.validate(in: ValidationContext(pipeline: context.pipeline, project: context.project))
            return trigger
        } catch {
            throw StepError(badConfiguration: error)
        }
    }

    /// The definition of a trigger that is not a Swift type.
    ///
    /// - Parameters:
    ///   - name: As `on:` writes it.
    ///   - summary: One sentence for lists.
    ///   - documentation: The reference beside the keys. A payload without keys is not checked in templates.
    ///   - titles: See ``Trigger/titles``.
    ///   - schema: The JSON schema (2020-12) of one entry under `on:`.
    ///   - identity: See ``Trigger/identity()``.
    ///   - run: Gets the rendered entry, and emits events until the task is cancelled.
    public init(
        name: String, summary: String, documentation: TriggerDocumentation, titles: [String: String] = [:],
        schema: Value,
        identity: @escaping @Sendable (_ entry: ValueObject) -> String? = { _ in nil },
        run: @escaping @Sendable (_ entry: ValueObject, _ context: TriggerContext) async throws -> Void
    ) {
        self.name = name
        self.summary = summary
        self.documentation = documentation
        self.titles = titles
        payloadSummary = { _ in nil }
        bringsOutsideData = true
        declaration = SettingsDeclaration(schema: schema)
        self.identity = identity
        self.run = run
        rules = []
        memoryWhileDeclared = []
        keepsMemoryWhenEdited = false
        shorthand = nil
        warnings = { _ in [] }
        claims = { _, _ in [] }
        problems = { _, _ in [] }
        check = { _ in nil }
        partialCheck = { _, _ in nil }
        retried = { retry, _ in retry.source }
        isThere = { _, _ in true }
        preview = nil
        follows = nil
        namedPipelines = nil
        replay = nil
        ledger = nil
        diagnose = { _, _, _ in [] }
    }

    private static func ledger<T: LedgerTrigger>(of type: T.Type) -> TriggerLedger {
        TriggerLedger(prefix: T.ledgerPrefix) { key, value in T.ledgerItem(key: key, value: value) }
    }

    private static func follows<T: FollowingTrigger>(
        of type: T.Type
    ) -> @Sendable (ValueObject, String, String) -> Bool {
        { entry, pipeline, own in (try? T(fields: entry))?.follows(pipeline, in: own) ?? false }
    }

    private static func namedPipelines<T: FollowingTrigger>(
        of type: T.Type
    ) -> @Sendable (ValueObject) -> [(path: [FieldError.PathElement], name: String)] {
        { entry in (try? T(fields: entry))?.namedPipelines ?? [] }
    }

    private static func replay<T: ReplayingTrigger>(
        by type: T.Type
    ) -> @Sendable (ValueObject, IngressRequest, ReplayContext) throws -> TriggerEvent {
        { entry, delivery, context in
            let trigger: T
            do throws(FieldError) {
                trigger = try T(fields: entry)
            } catch {
                throw StepError(badConfiguration: error)
            }
            return try trigger.event(replaying: delivery, context)
        }
    }

    private static func preview<T: TimedTrigger>(
        of type: T.Type
    ) -> @Sendable (ValueObject) throws(FieldError) -> TriggerPreview {
        { entry throws(FieldError) in try T(fields: entry).preview() }
    }
}
