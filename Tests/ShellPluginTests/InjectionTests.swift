import Logging
import RunnelKit
import RunnelProcess
import RunnelTesting
import ShellPlugin
import Testing

@testable import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the pipeline says is wrong, in the order of the file; nil if it is valid.
private func problems(_ yaml: String) throws -> [Diagnostic]? {
    let loader = try PipelineLoader(registry: StepRegistry([ShellPlugin()]))
    let (pipeline, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
    return pipeline == nil ? report.diagnostics : nil
}

/// The output of a run that this trigger event started.
private func result(of yaml: String, in folder: String, trigger: Value) async throws -> Value {
    let registry = try StepRegistry([ShellPlugin()])
    let loader = try PipelineLoader(registry: registry)
    let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
    let services = Services()
    await ProgramsPlugin(variables: ["PATH": "/usr/local/bin:/usr/bin:/bin"]).registerServices(in: services)
    let runner = PipelineRunner(
        registry: registry, environment: loader.environment, services: services,
        project: ProjectDirectory(path: folder), values: ProjectValues(), redactor: Redactor(),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { 1_767_225_600_000_000_000 })
    let ended = await runner.run(pipeline, RunRequest(id: "run-1", trigger: trigger)) { _ in }
    await services.shutDown()
    switch ended.outcome {
    case .succeeded(let output): return output
    case .failed(let error): throw StepError(reported: error.code, error.message)
    case .cancelled: throw CancellationError()
    }
}

/// What webhooks, watched files and ends of runs bring from outside.
private let expressions = [
    "trigger.body.title", "trigger.headers.title", "trigger.query.title", "trigger.params.id", "trigger.name",
    "trigger.stem", "trigger.error.message", "trigger.output",
]

@Suite("Script injection", .timeLimit(.minutes(5))) struct InjectionTests {
    @Test(
        "a value of a trigger event reaches the script through `env` byte for byte, and is not executed",
        arguments: expressions, ["sh", "bash"])
    func variables(expression: String, kind: String) async throws {
        let yaml = """
            steps:
              - uses: shell
                with:
                  run: printf '<%s>' "$VALUE"
                  shell: \(kind)
                  env: { VALUE: "{{ \(expression) }}" }
            output: "{{ steps.shell.stdout }}"
            """
        try await withTemporaryDirectory { folder in
            let values = [
                "$(touch hit)", "`touch hit`", "'; touch hit; '", "\"; touch hit #", "a\ntouch hit\n", "\\\\$HOME",
                "-n", "${IFS}", "{{ secrets.token }}", "ünï\u{1F600}", " spaces  kept ",
            ]
            for value in values {
                var event = Value.string(value)
                for key in expression.split(separator: ".").dropFirst().reversed() {
                    event = .object(ValueObject([(String(key), event)]))
                }
                let output = try await result(of: yaml, in: folder, trigger: event)
                #expect(output == .string("<\(value)>"))
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/hit"))
        }
    }

    @Test("a value of a trigger event in the script itself is refused", arguments: expressions)
    func script(expression: String) throws {
        let found = try problems("steps: [ { uses: shell, with: { run: \"echo {{ \(expression) }}\" } } ]")
        #expect(found?.map(\.code) == ["script-injection"])
    }

    @Test("a template in the place of all variables is refused, since its value would choose their names")
    func names() throws {
        let found = try problems("steps: [ { uses: shell, with: { run: ls, env: \"{{ trigger.body }}\" } } ]")
        #expect(found?.map(\.code) == ["script-injection"])
        #expect(
            found?.first?.message
                == "`env`: a template in the place of all variables would let its value choose their names (script injection)"
        )
        #expect(found?.first?.hint == #"write each name out: `{ NAME: "{{ trigger.body.name }}" }`"#)
    }

    @Test(
        "a template in a variable that decides what is executed is refused; a value that is written out is not",
        arguments: [
            "BASH_ENV", "ENV", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "PATH", "PYTHONPATH",
            "PYTHONSTARTUP", "PERL5OPT", "PERLLIB", "RUBYOPT", "NODE_OPTIONS", "IFS", "PS4", "SHELLOPTS", "BASHOPTS",
            "BASH_FUNC_ls",
        ])
    func controlling(name: String) throws {
        let yaml = { (value: String) in "steps: [ { uses: shell, with: { run: ls, env: { \(name): \"\(value)\" } } } ]"
        }
        let found = try problems(yaml("a{{ trigger.body.x }}"))
        #expect(found?.map(\.code) == ["script-injection"])
        #expect(
            found?.first?.message
                == "`env.\(name)`: a template in this variable would let its value choose what is executed (script injection)"
        )
        #expect(
            found?.first?.hint
                == "interpreters or the dynamic linker find code or options in \(name); write its value out, or give the variable another name"
        )
        let written = try problems(yaml("a"))
        #expect(written == nil)
    }

    @Test("names and controlling values that a template gave are refused when the step runs, too")
    func running() throws {
        var context = StepHarness(directory: "/tmp").context
        let variables = try ScriptVariables(field: ["BASH_ENV": "$(touch /tmp/hit)", "TITLE": "a"])
        let known = try variables.texts(in: context)
        #expect(known == ["BASH_ENV": "$(touch /tmp/hit)", "TITLE": "a"])
        context.settings = PartialSettings(filled: { _ in [:] }, knowledge: { _ in .unknown })
        let names = #expect(throws: StepError.self) { try variables.texts(in: context) }
        #expect(
            names?.message
                == "`env`: a template in the place of all variables would let its value choose their names (script injection)"
        )
        context.settings = PartialSettings(filled: { _ in [:] }, knowledge: { $0.count > 1 ? .unknown : .partly })
        let value = #expect(throws: StepError.self) { try variables.texts(in: context) }
        #expect(
            value?.message
                == "`env.BASH_ENV`: a template in this variable would let its value choose what is executed (script injection)"
        )
        let harmless = try ScriptVariables(field: ["TITLE": "a"]).texts(in: context)
        #expect(harmless == ["TITLE": "a"])
    }
}
