import RunnelKit

/// One pass of a schema over a value: the place in the value, what was found wrong, and what bounds the work.
struct Evaluation {
    let program: SchemaProgram
    let limits: EvaluationLimits
    /// Nil when everything is known.
    var knowledge: ((InstancePath) -> Knowledge)?
    /// Whether issues are written down; without, a pass stops at the first thing that is wrong.
    var isCollecting: Bool
    private(set) var issues: [SchemaIssue] = []
    /// What was looked at in the current value by the current schema.
    var evaluated = Evaluated()
    /// The schema that is being applied.
    private(set) var current: NodeID = 0
    /// Why the check was given up, when it was.
    private(set) var surrender: SchemaIssue?

    private(set) var path: [PathElement] = []
    private var depth = 0
    private var steps = 0
    /// The resources on the way here, outermost first, each once: the dynamic scope as far as it decides anything.
    private(set) var scope: [ResourceID] = []
    /// References being followed at the current place; entering one again in the same scope would never end.
    private var activeReferences: [ActiveReference] = []
    private var activeBase = 0

    private struct ActiveReference: Equatable {
        let target: NodeID
        let scopeSize: Int
    }

    init(
        program: SchemaProgram, limits: EvaluationLimits, knowledge: ((InstancePath) -> Knowledge)?, isCollecting: Bool
    ) {
        self.program = program
        self.limits = limits
        self.knowledge = knowledge
        self.isCollecting = isCollecting
    }

    // MARK: - Applying schemas

    /// Applies a schema to the value at the current place and tells what it looked at.
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

    /// Applies a schema that has to hold for the current value as well as the current schema does.
    mutating func apply(_ id: NodeID, _ instance: Instance) -> Verdict {
        let outcome = evaluate(id, instance.value)
        // When it fails the whole fails; then what it looked at is kept, so as not to report its keys as unknown.
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

    /// Applies a schema to the name of a key, which is known even where values are not.
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
            giveUp("the schema refers to itself without end here (\"\(keyword)\"), so nothing can be checked")
            return .invalid
        }
        activeReferences.append(reference)
        defer { activeReferences.removeLast() }
        return apply(target, instance)
    }

    /// Runs `body` without writing issues down.
    mutating func silently<Result>(_ body: (inout Evaluation) -> Result) -> Result {
        let outer = isCollecting
        isCollecting = false
        defer { isCollecting = outer }
        return body(&self)
    }

    /// Runs `body` and takes the issues out that it wrote down.
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

    /// Writes an issue down at the current place.
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

    /// Writes an issue down that was found before.
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
            giveUp("the check was given up after \(limits.steps) steps: the value or the schema is too large")
        } else if depth >= limits.depth {
            giveUp("the check was given up: value and schema are nested deeper than \(limits.depth) levels")
        }
        return surrender == nil
    }

    /// Ends the check: from here on everything counts as invalid, and the reason is reported.
    mutating func giveUp(_ message: String) {
        guard surrender == nil else { return }
        surrender = SchemaIssue(path: InstancePath(path), keyword: "limit", message: message)
    }
}
