import RunnelEngine
import RunnelKit
import YAML

extension SuiteReader {
    /// `inputs`, `trigger`, `input` and `input_file`.
    mutating func start(_ keys: TestKeys) -> TestStart {
        var start = TestStart()
        start.inputs = inputs(keys["inputs"], of: keys)
        if let node = keys["trigger"] { readTrigger(node, &start) }
        start.input = keys["input"].map { Value($0) }
        if let node = keys["input_file"], let path = diagnostics.text(node, "input_file"), isProjectPath(path, node) {
            start.inputFile = path
            start.inputFileNode = node
            for other in ["trigger", "input"] where keys[other] != nil {
                diagnostics.error(
                    "bad-keys", keys.keyNode(other), "`\(other)` and `input_file` are mutually exclusive",
                    hint: "`input_file` brings both, as `--input-file` does")
            }
        }
        return start
    }

    private mutating func inputs(_ node: YAMLNode?, of keys: TestKeys) -> ValueObject {
        var given = ValueObject()
        for (name, keyNode, node) in diagnostics.pairs(node, "inputs") {
            guard let declaration = pipeline.inputs.first(where: { $0.name == name }) else {
                diagnostics.unknown(
                    "input", name, keyNode, among: pipeline.inputs.map(\.name), none: "the pipeline declares none")
                continue
            }
            let value = Value(node)
            if let problem = declaration.problem(with: value) {
                diagnostics.error("wrong-value", node, "the input \"\(name)\": \(problem)")
            }
            given[name] = value
        }
        for declaration in pipeline.inputs where given[declaration.name] == nil {
            if declaration.isRequired, declaration.defaultValue == nil {
                diagnostics.error(
                    "missing-key", keys.keyNode("inputs") ?? keys.node.firstKeyOrSelf,
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
                "missing-key", node.firstKeyOrSelf, "`trigger` needs the key \"type\"", hint: "write `type: manual`")
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
                "unknown-reference", typeNode, "the pipeline \"\(pipeline.name)\" has no trigger \"\(type)\"",
                hint: "it is not under its `on:`")
        }
        start.payload = definition.documentation.payload.map(\.name)
        for (key, keyNode, _) in pairs where key != "type" && !start.payload.contains(key) {
            let closest = Suggestion.closest(to: key, among: start.payload)
            diagnostics.error(
                "unknown-key", keyNode, "a `\(type)` trigger brings no \"\(key)\"",
                hint: closest.map { "did you mean \"\($0)\"?" } ?? "it brings \(start.payload.joined(separator: ", "))")
        }
    }
}
