import RunnelEngine
import RunnelKit
import YAML

extension SuiteReader {
    /// `inputs`, `trigger`, `input` and `input_file`.
    mutating func start(_ keys: MappingReader) -> TestStart {
        var start = TestStart()
        start.inputs = inputs(keys["inputs"], of: keys)
        if let node = keys["trigger"] { readTrigger(node, &start) }
        start.input = keys["input"].map { Value($0) }
        if let node = keys["input_file"], let path = diagnostics.text(node, "input_file"), isProjectPath(path, node) {
            start.inputFile = path
            start.inputFileNode = node
            for other in ["trigger", "input"] where keys[other] != nil {
                diagnostics.error(
                    TestErrorCode.badKeys, keys.keyNode(other), "`\(other)` and `input_file` are mutually exclusive",
                    hint: "`input_file` brings both, as `--input-file` does")
            }
        }
        return start
    }

    private mutating func inputs(_ node: YAMLNode?, of keys: MappingReader) -> ValueObject {
        var given = ValueObject()
        for (name, keyNode, node) in diagnostics.pairs(node, "inputs") {
            guard let declaration = pipeline.inputs.first(where: { $0.name == name }) else {
                diagnostics.unknown(
                    "input", name, keyNode, among: pipeline.inputs.map(\.name), none: "the pipeline declares none")
                continue
            }
            let value = Value(node)
            if let problem = declaration.problem(with: value) {
                diagnostics.error(TestErrorCode.wrongValue, node, "the input \"\(name)\": \(problem)")
            }
            given[name] = declaration.typed(value)
        }
        for declaration in pipeline.inputs where given[declaration.name] == nil {
            if declaration.isRequired, declaration.defaultValue == nil {
                diagnostics.error(
                    TestErrorCode.missingKey, keys.keyNode("inputs") ?? keys.node.firstKeyOrSelf,
                    "the input \"\(declaration.name)\" is required",
                    hint: "add `inputs: { \(declaration.name): … }`")
            }
            given[declaration.name] = declaration.defaultValue ?? .null
        }
        return given
    }

    private mutating func readTrigger(_ node: YAMLNode, _ start: inout TestStart) {
        let pairs = diagnostics.pairs(node, "trigger")
        let object = ValueObject(pairs.map { ($0.key, Value($0.value)) })
        guard let typeNode = node["type"] else {
            diagnostics.error(
                TestErrorCode.missingKey, node.firstKeyOrSelf, "`trigger` needs the key \"type\"",
                hint: "write `type: manual`")
            return
        }
        guard let type = diagnostics.text(typeNode, "trigger.type") else { return }
        start.trigger = object
        guard type != "manual" else {
            start.payload = ["path", "name", "stem", "extension", "size"]
            return
        }
        guard let definition = registry.trigger(named: type) else {
            diagnostics.unknown("trigger", type, typeNode, among: ["manual"] + registry.triggerNames, none: "")
            return
        }
        if !pipeline.triggers.contains(where: { $0.kind == type }) {
            diagnostics.error(
                TestErrorCode.unknownReference, typeNode,
                "the pipeline \"\(pipeline.name)\" has no trigger \"\(type)\"",
                hint: "it is not under its `on:`")
        }
        start.payload = definition.documentation.payload.map(\.name)
        // A trigger that does not say what it brings is not checked.
        if start.payload.isEmpty { start.payload = pairs.map(\.key) }
        if pipeline.triggers.contains(where: { $0.kind == type && $0.debounce != nil }) {
            start.payload += ["count", "folded"]
        }
        for (key, keyNode, _) in pairs where key != "type" && !start.payload.contains(key) {
            diagnostics.error(
                TestErrorCode.unknownKey, keyNode, "a `\(type)` trigger brings no \"\(key)\"",
                hint: Suggestion.hint(for: key, among: start.payload)
                    ?? "it brings \(start.payload.joined(separator: ", "))")
        }
    }
}

extension SuiteReader {
    /// `steps:`: what comes of steps that are not carried out.
    mutating func standIns(_ node: YAMLNode?) -> [String: StandInStep] {
        var steps: [String: StandInStep] = [:]
        for (id, keyNode, value) in diagnostics.pairs(node, "steps") {
            guard let id = stepID(id, keyNode) else { continue }
            if pipeline.allSteps.contains(where: { $0.id == id && $0.group != nil }) {
                diagnostics.error(
                    TestErrorCode.badKeys, keyNode, "\"\(id)\" is a group of steps", hint: "name the steps inside")
            }
            let outcomes = (value.items ?? [value]).compactMap { outcome($0) }
            steps[id] = StandInStep(outcomes: outcomes, isForAll: value.items == nil, node: value)
        }
        return steps
    }

    private mutating func outcome(_ node: YAMLNode) -> StandInStep.Outcome? {
        guard let keys = MappingReader(node, "a stand-in", keys: ["output", "error"], into: &diagnostics) else {
            return nil
        }
        if let output = keys["output"], keys["error"] == nil { return .output(Value(output)) }
        guard keys.atMostOne(["output", "error"], into: &diagnostics) != nil, let error = keys["error"] else {
            diagnostics.error(
                TestErrorCode.missingKey, node.firstKeyOrSelf, "a stand-in needs `output` or `error`",
                hint: "write `{ output: what the step comes to }`")
            return nil
        }
        let known = ["code", "message", "transient"]
        guard let keys = MappingReader(error, "an error", keys: known, into: &diagnostics) else { return nil }
        return .error(
            StepError(
                reported: diagnostics.text(keys["code"], "code") ?? TestErrorCode.error.rawValue,
                diagnostics.text(keys["message"], "message") ?? "the step failed",
                isTransient: diagnostics.field(Bool.self, keys["transient"], "transient") ?? false))
    }
}

extension SuiteReader {
    /// A value that is meant as it stands, or the keys of a matcher.
    mutating func matcher(_ node: YAMLNode) -> Matcher {
        guard let keys = matcherKeys(node) else { return Matcher(rules: [.equals(Value(node))], node: node) }
        var rules: [Matcher.Rule] = []
        if let value = keys["equals"] { rules.append(.equals(Value(value))) }
        if let value = keys["contains"] { rules.append(.contains(diagnostics.texts(value, "contains"))) }
        if let value = keys["matches"], let pattern = diagnostics.text(value, "matches") {
            if (try? Regex(pattern)) == nil {
                diagnostics.error(
                    TestErrorCode.wrongValue, value,
                    "`matches`: \(Value.string(pattern).quoted()) is no regular expression")
            }
            rules.append(.matches(pattern))
        }
        if let value = keys["json"] { rules.append(.json(subset(value))) }
        return Matcher(rules: rules, node: node)
    }

    mutating func subset(_ node: YAMLNode) -> Matcher.Subset {
        if matcherKeys(node) != nil { return .matcher(matcher(node)) }
        switch node.content {
        case .scalar: return .value(Value(node))
        case .sequence(let items): return .list(items.map { subset($0) })
        case .mapping(let pairs): return .object(pairs.map { ($0.key.keyText, subset($0.value)) })
        }
    }

    /// nil unless all keys are those of a matcher.
    private mutating func matcherKeys(_ node: YAMLNode) -> MappingReader? {
        guard let pairs = node.pairs, !pairs.isEmpty,
            pairs.allSatisfy({ Matcher.keys.contains($0.key.keyText) })
        else { return nil }
        return MappingReader(node, "a matcher", keys: Matcher.keys, into: &diagnostics)
    }
}
