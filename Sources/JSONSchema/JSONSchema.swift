public import RunnelKit

/// A compiled JSON schema, draft 2020-12, that validates values.
///
/// Schemas whose `$schema` names draft 2019-09, 7, 6 or 4 are supported as well, with the semantics of those drafts.
///
/// Validation is bounded: it reports at most 100 issues, and aborts (an issue with the keyword "limit") after ten
/// million steps, beyond 500 nested schemas, and on infinite recursion. Patterns are those of ECMA-262 in Unicode mode,
/// matched in time proportional to pattern and text; see ``SchemaError/Code/pattern``.
/// - SeeAlso: JSON Schema core and validation, draft 2020-12.
public struct JSONSchema: Sendable {
    private let program: SchemaProgram
    private let limits: EvaluationLimits

    /// Compiles a schema.
    /// - Parameters:
    ///   - schema: An object, or true or false.
    ///   - resources: Other documents that `$ref` and `$schema` may name, by absolute URI. Nothing is fetched over the
    ///     network.
    ///   - assertFormats: Whether `format` is checked (date, time, date-time, duration, email, hostname, ipv4, ipv6,
    ///     uri, uri-reference, uuid, json-pointer, relative-json-pointer, regex; others pass). If false, `format` is an
    /// annotation.
    /// - Throws: The first error in the schema.
    public init(
        _ schema: Value, resources: [String: Value] = [:], assertFormats: Bool = false
    ) throws(SchemaError) {
        var compiler = SchemaCompiler(resources: resources, assertFormats: assertFormats)
        program = try compiler.compile(schema)
        limits = EvaluationLimits()
    }

    init(program: SchemaProgram, limits: EvaluationLimits) {
        self.program = program
        self.limits = limits
    }

    /// The violations in `value`, in the order of its keys; empty if it is valid.
    public func validate(_ value: Value) -> [SchemaIssue] {
        issues(value, knowledge: nil)
    }

    /// The certain violations in a partially known value.
    /// - Parameter knowledge: Called for each path that is checked, often more than once.
    public func validate(_ value: Value, knowledge: (InstancePath) -> PartialKnowledge) -> [SchemaIssue] {
        withoutActuallyEscaping(knowledge) { issues(value, knowledge: $0) }
    }

    private func issues(_ value: Value, knowledge: ((InstancePath) -> PartialKnowledge)?) -> [SchemaIssue] {
        // Most values are valid: the first pass builds no messages and stops at the first violation.
        var probe = Evaluation(program: program, limits: limits, knowledge: knowledge, isCollecting: false)
        let verdict = probe.evaluate(program.root, value).verdict
        if let surrender = probe.surrender { return [surrender] }
        guard verdict == .invalid else { return [] }
        var run = Evaluation(program: program, limits: limits, knowledge: knowledge, isCollecting: true)
        _ = run.evaluate(program.root, value)
        let issues = IssueOrder.sorted(run.issues, in: value)
        return issues + (run.surrender.map { [$0] } ?? [])
    }
}
