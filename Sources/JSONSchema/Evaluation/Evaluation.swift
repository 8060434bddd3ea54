import RunnelKit

/// One evaluation of a schema against a value: the current location, the issues found, and the limits.
struct Evaluation {
    let program: SchemaProgram
    let limits: EvaluationLimits
    /// Nil when everything is known.
    var knowledge: ((InstancePath) -> PartialKnowledge)?
    /// Whether issues are collected. If not, evaluation stops at the first violation.
    var isCollecting: Bool
    private(set) var issues: [SchemaIssue] = []
    /// The members of the current value that the current schema has evaluated.
    var evaluated = Evaluated()
    /// The schema that is being applied.
    private(set) var current: NodeID = 0
    /// The reason why evaluation was aborted, if it was.
    private(set) var surrender: SchemaIssue?

    private(set) var path: [PathElement] = []
    private var depth = 0
    private var steps = 0
    /// The dynamic scope: the resources entered so far, outermost first, each once.
    private(set) var scope: [ResourceID] = []
    /// References being followed at the current location, to detect infinite recursion.
    private var activeReferences: [ActiveReference] = []
    private var activeBase = 0

    private struct ActiveReference: Equatable {
        let target: NodeID
        let scopeSize: Int
    }

    init(
        program: SchemaProgram, limits: EvaluationLimits, knowledge: ((InstancePath) -> PartialKnowledge)?,
        isCollecting: Bool
    ) {
        self.program = program
        self.limits = limits
        self.knowledge = knowledge
        self.isCollecting = isCollecting
    }

    // MARK: - Applying schemas

    /// Applies a schema to the value at the current location and returns the members it evaluated.
    mutating func evaluate(_ id: NodeID, _ value: Value) -> (verdict: Verdict, evaluated: Evaluated) {
        guard mayGoOn() else { return (.invalid, Evaluated()) }
        if let literal = program.nodes[id].literal {
            return (literal ? .valid : rejectAll(value), Evaluated())
        }
        var instance = Instance(value: value, isContentKnown: true)
        switch knowledge?(InstancePath(path)) ?? .known {
        case .known: break
        case .someString: instance = Instance(value: .string(""), isContentKnown: false)
        case .unknown: return (.unknown, Evaluated())
        }
        let outer = (current, evaluated, scope.count)
        current = id
        evaluated = Evaluated()
        depth += 1
        if program.tracksScope, !scope.contains(program.nodes[id].resource) { scope.append(program.nodes[id].resource) }
        defer {
            depth -= 1
            (current, evaluated) = (outer.0, outer.1)
            scope.removeLast(scope.count - outer.2)
        }
        var verdict = Verdict.valid
        for keyword in program.nodes[id].keywords {
            verdict = verdict.and(keyword.evaluate(instance, &self))
            if verdict == .invalid, !isCollecting { break }
        }
        return (verdict, evaluated)
    }

    /// Applies a schema in place, which must hold in addition to the current schema.
    mutating func apply(_ id: NodeID, _ instance: Instance) -> Verdict {
        let outcome = evaluate(id, instance.value)
        // If it fails, the whole fails; its evaluated members are kept anyway, so that its keys are not reported as
        // unknown.
        if program.tracksEvaluated { evaluated.merge(outcome.evaluated, as: outcome.verdict) }
        return outcome.verdict
    }

    /// Applies a schema to a value inside the current one.
    mutating func descend(_ element: PathElement, _ value: Value, _ id: NodeID) -> Verdict {
        path.append(element)
        let base = activeBase
        activeBase = activeReferences.count
        let verdict = evaluate(id, value).verdict
        activeBase = base
        path.removeLast()
        return verdict
    }

    /// Applies a schema to the name of a key. Key names are known even if their values are not.
    mutating func evaluate(_ id: NodeID, name: String) -> Verdict {
        let outer = (knowledge, activeBase)
        knowledge = nil
        activeBase = activeReferences.count
        let verdict = evaluate(id, .string(name)).verdict
        (knowledge, activeBase) = outer
        return verdict
    }

    /// Applies a schema through a reference.
    mutating func follow(_ target: NodeID, _ instance: Instance, keyword: String) -> Verdict {
        let reference = ActiveReference(target: target, scopeSize: scope.count)
        guard !activeReferences[activeBase...].contains(reference) else {
            giveUp("infinite recursion in the schema (\"\(keyword)\"), so the value cannot be validated")
            return .invalid
        }
        activeReferences.append(reference)
        defer { activeReferences.removeLast() }
        return apply(target, instance)
    }

    /// Runs `body` without collecting issues.
    mutating func silently<Result>(_ body: (inout Evaluation) -> Result) -> Result {
        let outer = isCollecting
        isCollecting = false
        defer { isCollecting = outer }
        return body(&self)
    }

    /// Runs `body` and returns the issues that it added, removed from this evaluation.
    mutating func separately<Result>(_ body: (inout Evaluation) -> Result) -> (Result, [SchemaIssue]) {
        let start = issues.count
        let result = body(&self)
        let own = Array(issues[start...])
        issues.removeSubrange(start...)
        return (result, own)
    }

    /// Whether `pattern` occurs in `text`; nil when that takes too long to find out.
    mutating func matches(_ pattern: Pattern, _ text: String) -> Bool? {
        let (answer, spent) = pattern.matches(text, maxSteps: limits.patternSteps)
        steps += spent / 20
        return answer
    }

    // MARK: - Issues

    /// Adds an issue at the current location.
    mutating func fail(
        _ keyword: String, key: String? = nil, suggestion: String? = nil, expected: [String] = [],
        _ message: @autoclosure () -> String
    ) -> Verdict {
        guard isCollecting else { return .invalid }
        report(
            SchemaIssue(
                path: InstancePath(path), keyword: keyword, message: message(), key: key, suggestion: suggestion,
                expected: expected))
        return .invalid
    }

    /// Adds an existing issue.
    mutating func report(_ issue: SchemaIssue) {
        guard isCollecting, issues.count < limits.issues else { return }
        issues.append(issue)
    }

    private mutating func rejectAll(_ value: Value) -> Verdict {
        if case .key(let key) = path.last { return fail("false", "the key \(Wording.quoted(key)) is not allowed here") }
        return fail(
            "false", "nothing is allowed here, found \(Wording.found(Instance(value: value, isContentKnown: true)))")
    }

    private mutating func mayGoOn() -> Bool {
        guard surrender == nil else { return false }
        steps += 1
        if steps > limits.steps {
            giveUp("validation stopped after \(limits.steps) steps: the value or the schema is too large")
        } else if depth >= limits.depth {
            giveUp("validation stopped: value and schema are nested deeper than \(limits.depth) levels")
        }
        return surrender == nil
    }

    /// Aborts evaluation: from here on everything counts as invalid, and the reason is reported.
    mutating func giveUp(_ message: String) {
        guard surrender == nil else { return }
        surrender = SchemaIssue(path: InstancePath(path), keyword: "limit", message: message)
    }
}

/// Limits that bound the time, memory and stack of an evaluation.
struct EvaluationLimits: Sendable {
    /// The maximum number of reported issues.
    var issues = 100
    /// The maximum depth of nested schema applications; bounds the stack. Half of what fits into the 512 KiB of a
    /// secondary thread on macOS in a release build.
    var depth = 500
    /// The maximum number of schema applications in one evaluation; bounds the time.
    var steps = 10_000_000
    /// The maximum number of pattern instructions for one text; twenty of them count as one step.
    var patternSteps = 20_000_000
}

/// The result of checking a partially known value.
enum Verdict {
    case valid
    case invalid
    /// It depends on what is not known yet.
    case unknown

    /// The conjunction of two verdicts.
    func and(_ other: Verdict) -> Verdict {
        switch (self, other) {
        case (.invalid, _), (_, .invalid): .invalid
        case (.unknown, _), (_, .unknown): .unknown
        case (.valid, .valid): .valid
        }
    }

    var negated: Verdict {
        switch self {
        case .valid: .invalid
        case .invalid: .valid
        case .unknown: .unknown
        }
    }

    init(_ holds: Bool) {
        self = holds ? .valid : .invalid
    }
}

/// The members of an object or elements of a list that have been evaluated, for `unevaluatedProperties` and
/// `unevaluatedItems` (JSON Schema 2020-12 core, section 11).
struct Evaluated {
    /// Certainly evaluated.
    private(set) var certain = Members()
    /// Evaluated depending on unknown values.
    private(set) var possible = Members()

    struct Members {
        var keys: Set<String> = []
        /// All elements before this index.
        var prefix = 0
        /// Elements one by one, from `contains`.
        var indices: Set<Int> = []

        mutating func formUnion(_ other: Members) {
            if !other.keys.isEmpty { keys.formUnion(other.keys) }
            if !other.indices.isEmpty { indices.formUnion(other.indices) }
            prefix = max(prefix, other.prefix)
        }
    }

    mutating func insert(key: String) {
        certain.keys.insert(key)
    }

    mutating func insert(index: Int, as verdict: Verdict) {
        switch verdict {
        case .valid: certain.indices.insert(index)
        case .unknown: possible.indices.insert(index)
        case .invalid: break
        }
    }

    mutating func insert(prefix: Int) {
        certain.prefix = max(certain.prefix, prefix)
    }

    /// Adds the members that a schema at the same location evaluated, given its verdict.
    mutating func merge(_ other: Evaluated, as verdict: Verdict) {
        if verdict == .valid {
            certain.formUnion(other.certain)
        } else {
            possible.formUnion(other.certain)
        }
        possible.formUnion(other.possible)
    }

    /// Whether `key` was evaluated.
    func contains(key: String) -> Verdict {
        certain.keys.contains(key) ? .valid : possible.keys.contains(key) ? .unknown : .invalid
    }

    /// Whether the element at `index` was evaluated.
    func contains(index: Int) -> Verdict {
        if index < certain.prefix || certain.indices.contains(index) { return .valid }
        return index < possible.prefix || possible.indices.contains(index) ? .unknown : .invalid
    }
}
