import JSONSchema
import RunnelEngine
import RunnelKit
import RunnelReference
import Testing

@Suite struct SettingsSchemaTests {
    private func isValid(_ yaml: String) throws -> Bool {
        try JSONSchema(PipelineSchema.settings(try Project.registry())).validate(try Project.data(yaml)).isEmpty
    }

    private func isAccepted(_ yaml: String) throws -> Bool {
        SettingsLoader.load(
            Array(yaml.utf8), file: "runnel.yaml", environment: [:],
            sections: try Project.registry().plugins.settingsSections
        ).settings != nil
    }

    @Test("the project's own configuration is valid")
    func shipped() throws {
        #expect(try isValid(try Project.text("runnel.yaml")))
    }

    @Test(
        "the schema says of a configuration what the loader says",
        arguments: [
            ("", true), ("# nothing\n", true), ("env: [LANG]", true), ("log: { level: debug }", true),
            ("secrets: { a: { env: A }, b: { file: b.txt }, c: written-out }", true),
            ("server: { port: 0, token: { env: T } }", true), ("journal: { keep: 30d, keep_runs: 5 }", true),
            ("runs: { limit: 0 }", false), ("log: { level: loud }", false), ("log:", true), ("log: { level: }", false),
            ("logs: {}", false), ("secrets: { a: null }", false), ("server: { token: null }", false),
            ("marketplace: { timeouts: null }", false), ("env: [null]", false), ("server:", true),
            ("plugins: { a: null }", true),
            ("server: { port: web }", false), ("journal: { keep: 30 }", false), ("env: LANG", false),
            ("secrets: { a: { vault: x } }", false), ("marketplace: { timeouts: { connect: soon } }", false),
            ("- a", false),
        ])
    func agrees(_ yaml: String, _ isRight: Bool) throws {
        #expect(try isAccepted(yaml) == isRight)
        #expect(try isValid(yaml) == isRight)
    }

    @Test("a setting's description names the variable that wins over it")
    func variables() throws {
        let marketplace = PipelineSchema.settings(try Project.registry())["properties"]?["marketplace"]?["properties"]
        #expect(
            marketplace?["base_url"]?["description"]?.asString
                == "The base URL of the API, such as `https://your-domain`. The environment variable "
                + "RUNNEL_MARKETPLACE_BASE_URL overrides it.")
    }

    @Test("every variable that the reference names is a setting that Runnel reads")
    func everyVariable() throws {
        let page = try #require(try ReferencePages.all(Project.registry())["configuration.md"])
        let names = Set(
            page.split { !$0.isASCII || !($0.isUppercase || $0.isNumber || $0 == "_") }
                .map(String.init).filter { $0.hasPrefix("RUNNEL_") })
        #expect(names.count > 20)
        let outcome = SettingsLoader.load(
            nil, file: "runnel.yaml", environment: Dictionary(uniqueKeysWithValues: names.map { ($0, "no value") }),
            sections: try Project.registry().plugins.settingsSections)
        #expect(outcome.report.diagnostics.filter { $0.code == "unknown-setting" }.map(\.message) == [])
    }
}
