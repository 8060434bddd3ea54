import RunnelKit
import YAML

/// What `uses:` of a step says that includes a file: `./steps/notify.yaml`.
struct IncludePath: Sendable, Hashable {
    /// As it is written.
    let text: String
    /// Relative to the project's folder.
    let path: String

    /// nil for the name of a step type.
    init?(_ uses: String) {
        let isPath = ["./", "../", "/"].contains { uses.hasPrefix($0) }
        guard isPath, uses.isYAMLFileName else { return nil }
        text = uses
        let parts = uses.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        path = uses.hasPrefix("/") ? "/" + parts : parts
    }

    /// The file's name as the beginning of a step's id.
    var stem: String {
        let name = path.split(separator: "/").last?.split(separator: ".").first ?? ""
        let allowed = name.filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-")
        }
        return allowed.first.map { $0.isLetter || $0 == "_" } ?? false ? String(allowed) : "steps"
    }
}

/// A step that including a file adds to the run: the values of the file's inputs come first, its `output` last.
struct AddedStep: Sendable {
    /// The raw values are ids behind the prefix of the file, which no file can give.
    enum Kind: String, Sendable {
        case inputs = "@inputs"
        case output = "@output"
    }

    let kind: Kind
    let definition: StepDefinition

    /// Renders and checks the values of the inputs.
    static func inputs(of file: Pipeline) -> AddedStep {
        let definition = StepDefinition(
            name: Kind.inputs.rawValue, summary: "The inputs of an included file.",
            documentation: StepDocumentation(details: "", output: "The values by name.", examples: []),
            schema: file.inputsSchema, isRepeatable: true
        ) { [inputs = file.inputs] with, _ in
            .object(try InputDeclaration.values(with, of: inputs))
        }
        return AddedStep(kind: .inputs, definition: definition)
    }

    /// Renders `output`.
    static let output = AddedStep(
        kind: .output,
        definition: StepDefinition(
            name: Kind.output.rawValue, summary: "The output of an included file.",
            documentation: StepDocumentation(details: "", output: "The value.", examples: []),
            schema: ["type": "object"], isRepeatable: true
        ) { with, _ in with["value"] ?? .null })
}

extension InputDeclaration {
    /// The values of an included file's inputs.
    fileprivate static func values(
        _ with: ValueObject, of inputs: [InputDeclaration]
    ) throws(StepError) -> ValueObject {
        var values = ValueObject()
        for input in inputs {
            let value = with[input.name] ?? input.defaultValue
            guard let value else {
                if input.isRequired {
                    throw StepError(PipelineErrorCode.missingKey, "the input \"\(input.name)\" is missing")
                }
                values[input.name] = .null
                continue
            }
            if let problem = input.problem(with: value) {
                let message = "the input \"\(input.name)\": \(problem)"
                throw StepError(
                    value.isNull ? StepErrorCode.emptyValue : StepErrorCode.badWith, message,
                    field: [.key(input.name)])
            }
            values[input.name] = input.typed(value)
        }
        return values
    }
}

extension Pipeline {
    /// The JSON schema of `with:` of a step that includes the file.
    var inputsSchema: Value {
        var properties = ValueObject()
        for input in inputs {
            let type: Value = input.kind == .list ? "array" : .string(input.kind.rawValue)
            var schema: ValueObject = ["type": input.takesNull ? [type, "null"] : type]
            schema["description"] = input.help.map { .string($0) }
            schema["default"] = input.defaultValue
            schema["enum"] = input.choices.map { .list($0 + (input.takesNull ? [.null] : [])) }
            properties[input.name] = .object(schema)
        }
        let required = inputs.filter { $0.isRequired && $0.defaultValue == nil }.map {
            Value.string($0.name)
        }
        return [
            "type": "object", "properties": .object(properties), "required": .list(required),
            "additionalProperties": false,
        ]
    }

    /// All steps at any depth, as they stand in the file: those of an included file stand where it is included.
    var allStepsInFile: [PipelineStep] {
        func steps(_ step: PipelineStep, at place: PipelineStep?) -> [PipelineStep] {
            var shown = step
            if let place { (shown.node, shown.usesNode) = (place.node, place.usesNode) }
            let inside = place ?? (step.scope == nil ? nil : step)
            return [shown] + (step.group ?? []).flatMap { steps($0, at: inside) }
        }
        return (self.steps + onFailure + finally).flatMap { steps($0, at: nil) }
    }
}

/// A pipeline's text with those of the files that it includes, as one text: what the journal keeps.
struct DefinitionBundle: Sendable, Hashable {
    var text: String
    /// By path.
    var included: [String: String] = [:]

    /// A character that stands in no YAML file.
    private static let separator: Character = "\u{1E}"
    private static let heading = "# included: "

    init(text: String, included: [String: String]) {
        (self.text, self.included) = (text, included)
    }

    /// Takes the text apart; one without included files is the pipeline's.
    init(joined: String) {
        let parts = joined.split(separator: Self.separator, omittingEmptySubsequences: false)
        text = parts.first.map(String.init) ?? ""
        for part in parts.dropFirst() where part.hasPrefix(Self.heading) {
            let line = part.prefix { $0 != "\n" }
            included[String(line.dropFirst(Self.heading.count))] = String(part.dropFirst(line.count + 1))
        }
    }

    var joined: String {
        included.sorted { $0.key < $1.key }.reduce(text) {
            "\($0)\(Self.separator)\(Self.heading)\($1.key)\n\($1.value)"
        }
    }
}
