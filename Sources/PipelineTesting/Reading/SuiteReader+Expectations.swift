import RunnelEngine
import RunnelKit
import YAML

/// A part of a whole, from 0 to 1.
private struct Share: FieldValue {
    let value: Double

    static var schema: Value { ["type": "number", "minimum": 0, "maximum": 1] }

    init(field value: Value) throws(FieldError) {
        guard let number = value.asDouble, (0...1).contains(number) else {
            throw .expected("a number from 0 to 1", found: value)
        }
        self.value = number
    }
}

extension SuiteReader {
    static let expectKeys = ["status", "error", "output", "outputs", "skipped", "prompts", "files", "sent", "judge"]

    /// `expect:`. Without it, the run has to succeed.
    mutating func expectations(_ node: YAMLNode?) -> Expectations {
        var expect = Expectations()
        guard let node, !node.isNull,
            let keys = MappingReader(node, "`expect`", keys: Self.expectKeys, into: &diagnostics)
        else {
            return expect
        }
        expect.error = keys["error"].flatMap { failure($0) }
        expect.statusNode = keys["status"] ?? keys["error"]
        expect.status =
            diagnostics.field(Expectations.Status.self, keys["status"], "status")
            ?? (keys["error"] == nil ? .succeeded : .failed)
        if expect.status == .succeeded, let error = keys.keyNode("error") {
            diagnostics.error(TestErrorCode.badKeys, error, "a run that succeeds has no `error`")
        }
        expect.output = keys["output"].map { matcher($0) }
        if expect.status == .failed, let output = keys.keyNode("output") {
            diagnostics.error(
                TestErrorCode.badKeys, output, "a run that fails has no `output`", hint: "see `outputs` for its steps")
        }
        for (key, keyNode, value) in diagnostics.pairs(keys["outputs"], "outputs") {
            let parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard let step = stepID(parts.first ?? "", keyNode) else { continue }
            expect.outputs.append(.init(step: step, path: Array(parts.dropFirst()), matcher: matcher(value)))
        }
        if let node = keys["skipped"] {
            let steps = diagnostics.list(node, "skipped") ?? []
            let ids = steps.compactMap { step in
                diagnostics.text(step, "skipped").flatMap { stepID($0, step) }
            }
            expect.skipped = .init(steps: ids, node: node)
        }
        expect.prompts = prompts(keys["prompts"])
        for (path, keyNode, value) in diagnostics.pairs(keys["files"], "files") {
            guard isProjectPath(path, keyNode) else { continue }
            let isAbsent = value.pairs?.count == 1 && value["absent"]?.asBool == true
            expect.files.append(.init(path: path, content: isAbsent ? nil : matcher(value), node: value))
        }
        if let node = keys["sent"] {
            let items = diagnostics.list(node, "sent") ?? []
            expect.sent = .init(list: items.compactMap { request($0) }, node: node)
        }
        expect.judge = keys["judge"].flatMap { judge($0) }
        return expect
    }

    private mutating func judge(_ node: YAMLNode) -> Expectations.Judge? {
        guard let keys = MappingReader(node, "`judge`", keys: ["prompt", "at_least"], into: &diagnostics) else {
            return nil
        }
        guard let promptNode = keys["prompt"] else {
            diagnostics.error(
                TestErrorCode.missingKey, node.firstKeyOrSelf, "`judge` needs the key \"prompt\"",
                hint: "write what a good answer is like")
            return nil
        }
        guard let prompt = diagnostics.text(promptNode, "prompt") else { return nil }
        let atLeast = diagnostics.field(Share.self, keys["at_least"], "at_least")?.value ?? 0.8
        return .init(prompt: prompt, atLeast: atLeast, node: node)
    }

    /// The id, if there is such a step.
    mutating func stepID(_ id: String, _ node: YAMLNode) -> String? {
        if stepIDs.contains(id) { return id }
        diagnostics.unknown("step with the id", id, node, among: stepIDs, none: "")
        return nil
    }

    private mutating func failure(_ node: YAMLNode) -> Expectations.Failure? {
        let known = ["code", "message", "hint", "step"]
        guard let keys = MappingReader(node, "`error`", keys: known, into: &diagnostics) else { return nil }
        return .init(
            code: keys["code"].map { matcher($0) }, message: keys["message"].map { matcher($0) },
            hint: keys["hint"].map { matcher($0) }, step: keys["step"].map { matcher($0) })
    }

    // MARK: - Requests

    /// A list in the order of all calls, or one for each step.
    private mutating func prompts(_ node: YAMLNode?) -> [Expectations.Prompts] {
        guard let node else { return [] }
        if let items = node.items { return [.init(step: nil, prompts: items.compactMap { prompt($0) }, node: node)] }
        return diagnostics.pairs(node, "prompts").compactMap { pair in
            guard let step = stepID(pair.key, pair.keyNode) else { return nil }
            let items = pair.value.items ?? [pair.value]
            return .init(step: step, prompts: items.compactMap { prompt($0) }, node: pair.value)
        }
    }

    private mutating func prompt(_ node: YAMLNode) -> Expectations.Prompt? {
        let isMatcher = node.pairs?.allSatisfy { Matcher.keys.contains($0.key.keyText) } ?? true
        if isMatcher { return .init(prompt: matcher(node), system: nil, node: node) }
        guard let keys = MappingReader(node, "a prompt", keys: ["prompt", "system"] + Matcher.keys, into: &diagnostics)
        else {
            return nil
        }
        if let stray = Matcher.keys.compactMap({ keys.keyNode($0) }).first {
            diagnostics.error(
                TestErrorCode.badKeys, stray, "`\(stray.keyText)` cannot stand beside `prompt` or `system`",
                hint: "put it below one of them")
        }
        return .init(
            prompt: keys["prompt"].map { matcher($0) }, system: keys["system"].map { matcher($0) }, node: node)
    }

    private mutating func request(_ node: YAMLNode) -> Expectations.Request? {
        let known = ["url", "method", "json", "body", "headers"]
        guard let keys = MappingReader(node, "a request", keys: known, into: &diagnostics) else { return nil }
        _ = keys.atMostOne(["json", "body"], into: &diagnostics)
        var request = Expectations.Request(node: node)
        request.url = keys["url"].map { matcher($0) }
        request.method = keys["method"].map { matcher($0) }
        request.json = keys["json"].map { Matcher(rules: [.json(subset($0))], node: $0) }
        request.body = keys["body"].map { matcher($0) }
        for (name, _, value) in diagnostics.pairs(keys["headers"], "headers") {
            request.headers.append((name, matcher(value)))
        }
        return request
    }
}
