import RunnelKit
import Testing
import YAML

@testable import RunnelEngine

@Suite("Files of environment variables") struct EnvFileTests {
    @Test(
        "each form of a value is read",
        arguments: [
            ("A=1", "1"), ("A = plain text ", "plain text"), ("export A=1", "1"), ("A=", ""), ("A='it''", nil),
            ("A='$HOME # kept'", "$HOME # kept"), ("A=\"a\\nb\\\"c\\\\d\\$e\"", "a\nb\"c\\d$e"),
            ("A=value # comment", "value"), ("A=a#b", "a#b"), ("A=\"two\nlines\"  # and a comment", "two\nlines"),
            ("# a comment\n\r\nA=1\r\n", "1"), ("A=first\nA=second", "second"), ("\u{FEFF}A=1", "1"), ("A=a=b", "a=b"),
        ] as [(String, String?)])
    func forms(text: String, value: String?) throws {
        guard let value else {
            #expect(throws: EnvFile.Problem.self) { try EnvFile(text) }
            return
        }
        #expect(try EnvFile(text).values == ["A": value])
    }

    @Test(
        "what is wrong is said with its line and column, and without the value",
        arguments: [
            ("A=1\nhunter2", 2, 1, "expected `NAME=value`"), ("\u{FEFF}1A=hunter2", 1, 1, "expected `NAME=value`"),
            ("A=1\r\n\t hunter2", 2, 3, "expected `NAME=value`"),
            ("A=1\n\nB=\"hunter2\nC=2", 3, 3, "the quote is not closed"),
            ("A='hunter2' more", 1, 13, "there is text behind the closing quote"),
            ("A='hunter\n2' more", 2, 4, "there is text behind the closing quote"),
        ])
    func problems(text: String, line: Int, column: Int, message: String) {
        #expect {
            try EnvFile(text)
        } throws: { error in
            let problem = error as? EnvFile.Problem
            return problem?.line == line && problem?.column == column && problem?.message == message
                && !"\(error)".contains("hunter2")
        }
    }

    @Test("a byte order mark sets the encoding; a file without one must be UTF-8")
    func encodings() throws {
        let wide: [UInt8] = "\u{FEFF}A=é\r\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(try EnvFile(wide).values == ["A": "é"])
        let latin: [UInt8] = Array("A=p".utf8) + [0xE4] + Array("ss".utf8)
        #expect {
            try EnvFile(latin)
        } throws: { error in
            let problem = error as? EnvFile.Problem
            return problem?.message == "the file is not UTF-8 text: byte 3 is invalid"
                && problem?.hint == "save it as UTF-8"
        }
    }
}

@Suite("Profiles and variables of runnel.yaml") struct ProfileTests {
    private func load(_ yaml: String, profile: String?, environment: [String: String] = [:]) -> (Settings?, [String]) {
        let outcome = SettingsLoader.load(
            Array(yaml.utf8), file: "runnel.yaml", environment: environment, profile: profile)
        return (outcome.settings, outcome.report.diagnostics.map { $0.message + ($0.hint.map { " = \($0)" } ?? "") })
    }

    private static let yaml = """
        log: { level: warning }
        runs: { limit: 4, grace: 3s }
        env: [A, B]
        vars: { region: eu, team: { name: ops, size: 3 } }
        secrets: { key: { env: KEY } }
        profiles:
          dev:
            log: { level: debug }
            runs: { limit: 1 }
            env: [C]
            vars: { team: { name: dev } }
            secrets: { key: { file: key.txt } }
          empty:
        """

    @Test("a profile is merged key by key over the rest; lists and sources are replaced")
    func merged() throws {
        let (plain, _) = load(Self.yaml, profile: nil)
        #expect(plain?.runs.limit.number == 4)
        #expect(plain?.profiles.isEmpty ?? false)
        let (dev, problems) = load(Self.yaml, profile: "dev")
        #expect(problems.isEmpty)
        #expect(dev?.log.level == .debug)
        #expect(dev?.runs.limit.number == 1)
        #expect(dev?.runs.grace == .seconds(3))
        #expect(dev?.env == ["C"])
        #expect(dev?.vars["team"] == ["name": "dev", "size": 3])
        #expect(dev?.vars["region"] == "eu")
        #expect(dev?.secrets["key"] == .file("key.txt"))
        #expect(load(Self.yaml, profile: "empty").0?.runs.limit.number == 4)
        let (overridden, _) = load(Self.yaml, profile: "dev", environment: ["RUNNEL_RUNS_LIMIT": "7"])
        #expect(overridden?.runs.limit.number == 7)
    }

    @Test("a profile that is not there, and what is wrong in one, is said at its place")
    func wrong() {
        #expect(load(Self.yaml, profile: "dve").1 == ["there is no profile \"dve\" = did you mean \"dev\"?"])
        #expect(load("", profile: "dev").1 == ["there is no profile \"dev\" = the file has no `profiles`"])
        let (settings, problems) = load("profiles: { dev: { runs: { limti: 3 } } }", profile: nil)
        #expect(settings == nil)
        #expect(problems == ["`runs`: runnel.yaml has no key \"limti\" = did you mean \"limit\"?"])
        let (_, literal) = load("profiles: { dev: { secrets: { a: [hunter2] } } }", profile: nil)
        #expect(!literal.joined().contains("hunter2"))
        #expect(literal.count == 1)
    }

    @Test("settings are handed on with their places: those of the file first, then those of its profiles")
    func places() {
        let outcome = SettingsLoader.load(Array(Self.yaml.utf8), file: "runnel.yaml", environment: [:])
        let lines = outcome.roots.map { $0["runs"]?["limit"]?.range.start.line }
        #expect(lines == [2, 9])
    }

    @Test("the source of a setting is its line in the chosen profile, or else in the rest of the file")
    func sources() {
        let outcome = SettingsLoader.load(
            Array(Self.yaml.utf8), file: "runnel.yaml", environment: [:], profile: "dev")
        let sources = ["runs.limit", "runs.grace", "env", "secrets.key"].map { key in
            outcome.effective.first { $0.key == key }?.source.name ?? ""
        }
        #expect(sources == ["runnel.yaml:9", "runnel.yaml:2", "runnel.yaml:10", "runnel.yaml:12"])
    }

    @Test(
        "references to variables are checked as far as they lead",
        arguments: [
            ("{{ vars.region }}", nil), ("{{ vars.team.size }}", nil), ("{{ vars.list[1] }}", nil),
            ("{{ vars.regoin }}", "there is no variable \"regoin\" = did you mean \"region\"?"),
            ("{{ vars.team.sise }}", "`vars.team` has no key \"sise\" = did you mean \"size\"?"),
            ("{{ vars.region.code }}", "`vars.region` is a string, which has no keys"),
            ("{{ vars.list[2] }}", "`vars.list[2]` is missing: `vars.list` has 2 items"),
            ("{{ vars.team.lead | default('nobody') }}", nil),
        ] as [(String, String?)])
    func references(template: String, problem: String?) throws {
        struct EchoPlugin: Plugin {
            let name = "echo"
            var steps: [StepDefinition] { [StepDefinition(Echo.self)] }
        }
        let vars: [String: Value] = ["region": "eu", "team": ["name": "ops", "size": 3], "list": [1, 2]]
        let loader = try PipelineLoader(
            registry: StepRegistry([EchoPlugin()]), names: ProjectNames(secrets: [], env: [], vars: vars))
        let yaml = "steps: [ { uses: echo, with: { value: \"\(template)\" } } ]"
        let found = loader.load(Array(yaml.utf8), file: "p.yaml").report.diagnostics.map {
            $0.message + ($0.hint.map { " = \($0)" } ?? "")
        }
        #expect(found == (problem.map { [$0] } ?? []))
    }
}
