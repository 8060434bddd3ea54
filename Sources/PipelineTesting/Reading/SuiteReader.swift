import RunnelEngine
import RunnelKit
import YAML

/// Reads the tests of a file, collecting everything that is wrong with them.
struct SuiteReader {
    let pipeline: Pipeline
    let registry: StepRegistry
    let names: ProjectNames
    var diagnostics: DiagnosticList

    /// All keys of a test file.
    static let keys = ["pipeline", "now", "files", "secrets", "env", "tests"]
    private static let settingKeys = ["now", "files", "secrets", "env"]
    static let testKeys =
        ["name", "trigger", "inputs", "input", "input_file"] + settingKeys + ["chat", "http", "steps", "expect"]

    var stepIDs: [String] { pipeline.allSteps.map(\.id) }

    mutating func tests(_ keys: MappingReader) -> [PipelineTestCase] {
        let shared = setting(keys, over: TestSetting())
        let list = keys["tests"].flatMap { $0.isNull ? nil : $0 }
        guard let items = diagnostics.list(list, "tests"), !items.isEmpty else {
            if list == nil || list?.items?.isEmpty == true, !keys.isMisspelled("tests") {
                diagnostics.error(
                    TestErrorCode.missingKey, keys.keyNode("tests") ?? keys.node.firstKeyOrSelf, "there are no tests",
                    hint: "write `tests:` and below it a list, each item with `name:` and `expect:`")
            }
            return []
        }
        var places: [String: YAMLNode] = [:]
        return items.compactMap { item in
            guard let test = test(item, shared) else { return nil }
            if let other = places.updateValue(test.node, forKey: test.name) {
                diagnostics.error(
                    TestErrorCode.duplicateName, test.node, "two tests are named \"\(test.name)\"",
                    hint: "the other is in line \(other.range.start.line)")
            }
            return test
        }
    }

    private mutating func test(_ node: YAMLNode, _ shared: TestSetting) -> PipelineTestCase? {
        guard let keys = MappingReader(node, "a test", keys: Self.testKeys, into: &diagnostics) else { return nil }
        let setting = setting(keys, over: shared)
        let start = start(keys)
        let chat = chats(keys["chat"])
        let http = httpAnswers(keys["http"])
        let steps = standIns(keys["steps"])
        let expect = expectations(keys["expect"])
        guard let nameNode = keys["name"] else {
            if keys.isMisspelled("name") { return nil }
            diagnostics.error(
                TestErrorCode.missingKey, node.firstKeyOrSelf, "a test needs the key \"name\"",
                hint: "write `name: what must hold`")
            return nil
        }
        guard let name = diagnostics.text(nameNode, "name") else { return nil }
        return PipelineTestCase(
            name: name, node: nameNode, mapping: node, setting: setting, start: start, chat: chat, http: http,
            steps: steps,
            expect: expect)
    }

    // MARK: - The world

    private mutating func setting(_ keys: MappingReader, over shared: TestSetting) -> TestSetting {
        var setting = shared
        if let node = keys["now"], let text = diagnostics.text(node, "now") {
            if let now = Timestamp.parse(text) {
                setting.now = now
            } else {
                diagnostics.error(
                    TestErrorCode.wrongValue, node,
                    "`now`: expected a time such as 2026-01-02T03:04:05Z, found \"\(text)\"")
            }
        }
        for (path, keyNode, value) in diagnostics.pairs(keys["files"], "files") {
            guard isProjectPath(path, keyNode) else { continue }
            setting.files[path] = value.asString.map { Array($0.utf8) } ?? Value(value).jsonBytes(pretty: true)
        }
        for (name, keyNode, value) in diagnostics.pairs(keys["secrets"], "secrets") {
            if !names.secrets.contains(name) {
                diagnostics.unknown(
                    "secret", name, keyNode, among: names.secrets, none: "name it under `secrets:` in runnel.yaml")
            }
            setting.secrets[name] = diagnostics.text(value, "secrets.\(name)")
        }
        for (name, keyNode, value) in diagnostics.pairs(keys["env"], "env") {
            if !names.env.contains(name) {
                diagnostics.unknown(
                    "readable environment variable", name, keyNode, among: names.env,
                    none: "list it under `env:` in runnel.yaml")
            }
            setting.env[name] = diagnostics.text(value, "env.\(name)")
        }
        return setting
    }

    /// Whether a path stays inside of the project.
    mutating func isProjectPath(_ path: String, _ node: YAMLNode) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if !path.utf8.contains(0), !parts.contains(where: { ["", ".", ".."].contains($0) }) { return true }
        diagnostics.error(
            TestErrorCode.wrongValue, node, "\"\(path)\" is no file of the project",
            hint: "write its path from the project's folder on, such as inbox/a.txt")
        return false
    }
}
