/// One kind of work that a pipeline can do: `uses: file.read`, `uses: chat`.
///
/// A step is one file: its name and documentation, its `with:` as ``Field`` properties, and ``run(_:)``. For each
/// execution a fresh value is made, its fields are filled from the rendered `with:`, and `run` is called once.
///
/// What is not obvious: an interrupted step runs again with the same ``StepContext/idempotencyKey``, and a cancelled
/// task has to end promptly with `CancellationError`.
public protocol Step: FieldGroup {
    /// As `uses:` writes it: lower-case words joined by dots.
    static var name: String { get }
    /// One sentence for lists.
    static var summary: String { get }
    /// What the reference says beyond the summary and the keys.
    static var documentation: StepDocumentation { get }
    /// Whether running the step once more costs nothing and changes nothing outside of Runnel, as with a template.
    ///
    /// What comes behind such a step need not wait until its output is on disk, unless it is itself a step whose
    /// repetition matters. False unless a step says otherwise.
    static var isRepeatable: Bool { get }
    /// Whether running the step with these settings costs nothing and changes nothing outside of Runnel, so that a dry
    /// run can do it. Unless a step says otherwise, what ``isRepeatable`` says.
    var isReadOnly: Bool { get }

    /// The keys that stand in for the step's input: where none of them is given, the step works on ``StepContext/input``.
    /// None unless a step says otherwise.
    static var inputKeys: [String] { get }

    /// The keys that name files of the project which the step writes, so that pipelines that feed themselves are found
    /// when they are validated. None unless a step says otherwise. See also ``StepContext/writing(_:_:)``.
    static var writtenPaths: [String] { get }

    /// Hints for names that other tools use: what to write instead. None unless a step says otherwise.
    static var nameHints: [NameHint] { get }

    /// The JSON schema (2020-12) of the output, where its keys are fixed; nil, which is the default, where they are not.
    ///
    /// With it, `steps.<id>.<key>` with a key that an object of `properties` and `additionalProperties: false` does not
    /// have is an error when the pipeline is validated. ``OutputSchema`` helps to write one.
    static var outputSchema: Value? { get }

    /// The same for the output with these settings, where they decide what it is. Unless a step says otherwise, what
    /// the type's ``outputSchema`` says.
    var settledOutputSchema: Value? { get }

    /// Checks what depends on where the settings stand, such as the places of a project that a pipeline may touch. Called
    /// after ``FieldGroup/validate()``, before a run and again when the step begins. Does nothing unless a step says
    /// otherwise.
    func validate(in context: ValidationContext) throws(FieldError)

    /// Does the work and returns the step's output.
    ///
    /// Failures a person has to act on are ``StepError``s; anything else that is thrown becomes one with the code
    /// `step-failed`.
    func run(_ context: StepContext) async throws -> Value
}

extension Step {
    /// False.
    public static var isRepeatable: Bool { false }
    /// None.
    public static var inputKeys: [String] { [] }
    /// None.
    public static var writtenPaths: [String] { [] }
    /// None.
    public static var nameHints: [NameHint] { [] }
    /// What ``isRepeatable`` says.
    public var isReadOnly: Bool { Self.isRepeatable }
    /// Not known.
    public static var outputSchema: Value? { nil }
    /// What the type says.
    public var settledOutputSchema: Value? { Self.outputSchema }
    /// Checks nothing.
    public func validate(in context: ValidationContext) throws(FieldError) {}
}

/// The reference of a step, beside its keys.
public struct StepDocumentation: Sendable, Hashable {
    /// A few sentences: what it does, its limits, what happens when it is repeated. Plain Markdown.
    public var details: String
    /// What `steps.<id>` is afterwards.
    public var output: String
    /// Steps as they would stand in a pipeline; each is validated by the tests.
    public var examples: [Example]

    /// An example with a title.
    public struct Example: Sendable, Hashable {
        /// What the example shows.
        public let title: String
        /// One step in YAML, beginning with `uses:`.
        public let yaml: String

        /// An example; see the properties.
        public init(_ title: String, _ yaml: String) {
            self.title = title
            self.yaml = yaml
        }
    }

    /// The reference of a step; see the properties.
    public init(details: String = "", output: String, examples: [Example] = []) {
        self.details = details
        self.output = output
        self.examples = examples
    }
}

/// Writes the schema of a step's output; see ``Step/outputSchema``.
public enum OutputSchema {
    /// An object with these keys and no others.
    /// - Parameter keys: Each with the JSON schema (2020-12) of its value; `true` stands for any value.
    public static func object(_ keys: KeyValuePairs<String, Value>) -> Value {
        [
            "type": "object", "properties": .object(ValueObject(keys.map { ($0.key, $0.value) })),
            "additionalProperties": false,
        ]
    }

    /// What can be said of a path into an output before a run.
    package enum Finding: Sendable, Hashable {
        /// The path leads to a value, or this cannot be decided.
        case possible
        /// There is no such key at this index of the path.
        case unknownKey(at: Int, known: [String])
        /// The value before this index is of a kind that has no keys, such as "a string".
        case noKeys(at: Int, kind: String)
    }

    /// Follows a path of keys and indices into what the schema describes.
    package static func find(_ path: some Collection<FieldError.PathElement>, in schema: Value) -> Finding {
        find(Array(path)[...], in: schema, at: 0)
    }

    private static func find(_ path: ArraySlice<FieldError.PathElement>, in schema: Value, at index: Int) -> Finding {
        guard let element = path.first, let object = schema.asObject else { return .possible }
        for keyword in ["anyOf", "oneOf"] {
            guard let alternatives = object[keyword]?.asList else { continue }
            // An index does not lead into an object.
            let fitting = alternatives.filter { if case .index = element { $0["type"] != "object" } else { true } }
            let findings = (fitting.isEmpty ? alternatives : fitting).map { find(path, in: $0, at: index) }
            if findings.contains(.possible) { return .possible }
            return merged(findings) ?? .possible
        }
        guard object["$ref"] == nil, object["allOf"] == nil else { return .possible }
        switch (element, object["type"]) {
        case (.key(let key), "object"?):
            let members = object["properties"]?.asObject ?? [:]
            if let member = members[key] { return find(path.dropFirst(), in: member, at: index + 1) }
            return object["additionalProperties"] == false ? .unknownKey(at: index, known: members.keys) : .possible
        case (.key, .string(let type)?):
            return kinds[type].map { .noKeys(at: index, kind: $0) } ?? .possible
        case (.index, "array"?):
            guard let items = object["items"] else { return .possible }
            return find(path.dropFirst(), in: items, at: index + 1)
        default: return .possible
        }
    }

    /// One finding for several alternatives, none of which has the path: the one that names keys.
    private static func merged(_ findings: [Finding]) -> Finding? {
        var known: [String] = []
        var place: Int?
        for case .unknownKey(let index, let keys) in findings where index >= place ?? index {
            if index > place ?? index { known = [] }
            place = index
            known += keys.filter { !known.contains($0) }
        }
        return place.map { .unknownKey(at: $0, known: known) } ?? findings.first
    }

    private static let kinds = [
        "string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false",
        "array": "a list", "null": "null",
    ]
}
