import RunnelKit
import Testing

@testable import RunnelEngine

/// A plugin of another package with a section of its own in `runnel.yaml`.
private struct Weather: ConfigurablePlugin {
    struct Settings: FieldGroup {
        struct Limits: FieldGroup {
            @Field("Requests in a minute.") var perMinute: Int = 60
        }

        @Field("Where the office answers.") var url: String?
        @Field("What it wants to see.") var key: SensitiveValue?
        @Field("How much is asked.") var limits: Limits = Limits()
    }

    static let section: SettingsSection? = SettingsSection("weather", "The weather office.")
    let name = "forecast"

    func configured(_ settings: Settings) -> Weather { self }
}

@Suite("A section of runnel.yaml that a plugin brings") struct PluginSectionTests {
    private let sections = ([Weather()] as [any Plugin]).settingsSections

    private func load(_ yaml: String, _ environment: [String: String] = [:]) -> (weather: Value?, text: String) {
        let outcome = SettingsLoader.load(
            Array(yaml.utf8), file: "runnel.yaml", environment: environment, sections: sections)
        let printer = DiagnosticPrinter(sources: [outcome.report.source])
        return (outcome.sections["weather"], printer.text(outcome.report.diagnostics))
    }

    @Test("is read with the variables over it")
    func variables() {
        let (weather, text) = load(
            "weather: { url: https://a.example, key: { env: K } }",
            ["RUNNEL_WEATHER_URL": "https://b.example", "RUNNEL_WEATHER_LIMITS_PER_MINUTE": "5"])
        #expect(text == "")
        #expect(
            weather == [
                "url": "https://b.example", "key": ["env": "K"], "limits": ["per_minute": 5],
            ])
        #expect(load("log: { level: debug }").weather == nil)
    }

    @Test(
        "is checked like Runnel's own",
        arguments: [
            ("weather: { url: 5 }", "1:17: error: `weather.url`: expected a string, found the number 5"),
            (
                "weather: { limits: { per_minute: null } }",
                "1:34: error: `weather.limits.per_minute`: expected a whole number, found null"
            ),
            ("wether: {}", #"1:1: error: runnel.yaml has no key "wether""#),
        ])
    func wrong(yaml: String, expected: String) {
        let (weather, text) = load(yaml)
        #expect(text.hasPrefix("runnel.yaml:\(expected)"), "\(text)")
        #expect(weather == nil)
    }

    @Test("never shows a secret, and warns about one that is written out")
    func secrets() {
        #expect(
            load("weather:\n  key: hunter2x").text == """
                runnel.yaml:2:8: warning: `weather.key` is a literal in the file [literal-secret]
                    2 |   key: ********
                      |        ^~~~~~~~
                      = use `{ env: NAME }`, `{ file: path }` or `{ command: […] }`, so that the file can be shared
                """)
        for yaml in ["weather:\n  kye: hunter2x", "weather:\n  key: [hunter2x]", "weather: { url: 5, key: hunter2x }"] {
            #expect(!load(yaml).text.contains("hunter2x"), "\(yaml)")
        }
    }

    @Test("cannot take a key of Runnel's own")
    func clash() {
        struct Log: ConfigurablePlugin {
            struct Settings: FieldGroup { @Field("Anything.") var anything: String? }
            static let section: SettingsSection? = SettingsSection("log", "Another log.")
            let name = "mine"
            func configured(_ settings: Settings) -> Log { self }
        }
        let outcome = SettingsLoader.load(
            Array("log: { level: debug }".utf8), file: "runnel.yaml", environment: [:],
            sections: ([Log()] as [any Plugin]).settingsSections)
        #expect(outcome.settings?.log.level == .debug)
    }
}
