import ArgumentParser
import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel new`
struct NewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Add something to a project.",
        discussion: HelpText.text(
            examples: [
                "runnel new pipeline digest --template schedule": "A pipeline that runs on a schedule, with its test.",
                "runnel new plugin greet --language shell": "A plugin with a step that is a shell script.",
                "runnel new plugin orders --trigger": "A plugin with a trigger.",
                "runnel new test pipelines/digest": "A test for a pipeline.",
            ]),
        subcommands: [NewPipelineCommand.self, NewPluginCommand.self, NewTestCommand.self])
}

/// `runnel new pipeline`
struct NewPipelineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline", abstract: "Add a pipeline and its test.",
        discussion: HelpText.text(
            ProjectTemplate.list,
            examples: [
                "runnel new pipeline digest --template schedule": "Writes pipelines/digest.yaml and its test."
            ]))

    @Argument(help: "Its name.") var name: String
    @Option(help: "The template.", completion: .list(ProjectTemplate.all.map(\.name)))
    var template: String = ProjectTemplate.standard.name
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        try NewName.check(name)
    }

    func run() async throws {
        let project = try options.project()
        guard let made = ProjectTemplate.named(self.template) else {
            let names = ProjectTemplate.all.map(\.name).joined(separator: ", ")
            throw ValidationError("--template \(self.template): there are \(names)")
        }
        let template = made.pipeline
        let old = template.name
        func renamed(_ text: String) -> String {
            text.replacing("name: \(old)\n", with: "name: \(name)\n", maxReplacements: 1)
                .replacing("pipeline: \(old).yaml", with: "pipeline: \(name).yaml")
        }
        var files: [(path: String, text: String, isProgram: Bool)] = [
            ("pipelines/\(name).yaml", renamed(template.text), false),
            ("pipelines/\(name).test.yaml", renamed(template.testText), false),
        ]
        // Other files that it needs may already exist.
        files += template.more.filter { !FileReading.exists("\(project.directory)/\($0.path)") }
            .map { ($0.path, $0.text, false) }
        try NewFiles(folder: NewName.folder(project), files: files).write(ifThere: "choose another name")
        let known = project.names.secrets
        if let configuration = made.configuration, made.secrets.contains(where: { !known.contains($0) }) {
            Streams.output.write("\nIt needs this in runnel.yaml:\n\n\(configuration)")
        }
    }
}

/// `runnel new plugin`
struct NewPluginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Add a plugin with a step or a trigger.",
        discussion: HelpText.text(
            "In Swift, a plugin is a package: see examples/swift-plugin in Runnel's repository.",
            examples: [
                "runnel new plugin greet": "Writes plugins/greet with a program in Python.",
                "runnel new plugin clock --language mcp": "Writes plugins/clock for a third-party MCP server.",
                "runnel new plugin orders --trigger": "Writes plugins/orders with a trigger in Python, and its test.",
            ]))

    @Argument(help: "The plugin's name, also the first part of its steps' names.") var name: String
    @Option(help: "The language; `mcp` is a third-party MCP server.") var language: PluginTemplate = .python
    @Flag(help: "Add a trigger in the place of a step, with its test.") var trigger = false
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        try NewName.check(name)
        if trigger, language != .python {
            throw ValidationError("--trigger: there is a template for --language python only")
        }
        if RunnelCommand.plugins.contains(where: { $0.name == name }) {
            throw ValidationError("a plugin named \"\(name)\" ships with Runnel; choose another name")
        }
        let triggers = RunnelCommand.plugins.flatMap(\.triggers).map(\.name) + [TriggerDefinition.manual]
        if trigger, triggers.contains(name) {
            throw ValidationError("a trigger named \"\(name)\" ships with Runnel; choose another name")
        }
    }

    func run() async throws {
        let project = try options.project()
        let files = (trigger ? TriggerTemplate.files(name) : language.files(name))
            .map { ("plugins/\(name)/\($0.path)", $0.text, $0.isProgram) }
        try NewFiles(folder: NewName.folder(project), files: files).write(ifThere: "choose another name")
        try await refreshSchemas(of: project)
        if trigger {
            Streams.output.write(
                """

                  runnel triggers \(name)
                      shows the reference of its trigger
                  python3 plugins/\(name)/test_main.py
                      tests its program
                  runnel plugins check \(name) -e folder=inbox
                      checks it; put a new file into inbox each time it asks for an event

                """)
            return
        }
        if language == .mcp {
            Streams.output.write("\n  runnel plugins refresh \(name)\n      fetches the server's list of tools\n")
        }
        Streams.output.write("\n  runnel steps \(language.step(name))\n      shows the reference of its step\n")
    }
}

/// Writes the schemas for editors anew: they hold the steps of plugins.
private func refreshSchemas(of project: Project) async throws {
    let registry = try await ProjectPlugins.load(project).registry
    let stale = EditorSchema.stale(in: project, registry)
    // One for manifests is needed with the first plugin.
    let missing = [EditorSchema.plugin].filter { !FileReading.exists("\(project.directory)/\($0.fileName)") }
    for schema in stale + missing {
        let path = "\(project.directory)/\(schema.fileName)"
        do {
            try schema.text(registry).write(toFile: path, atomically: true, encoding: .utf8)
            Streams.output.write("  \(FileReading.shown(path))\n")
        } catch {
            Streams.error.write(
                "warning: \"\(FileReading.shown(path))\" cannot be written: \(NewFiles.reason(error))\n")
        }
    }
}

/// `runnel new test`
struct NewTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Add a test to a pipeline, with an answer for each of its chats.",
        discussion: HelpText.text(
            examples: [
                "runnel new test pipelines/hello": "Writes pipelines/hello.test.yaml."
            ]))

    @Argument(help: "The pipeline's file; `.yaml` is optional.", completion: PipelineCompletion.files)
    var pipeline: String
    @OptionGroup var options: ProjectOptions

    func run() async throws {
        let loaded = try await LoadedPipeline(pipeline, options, simulates: true)
        let file = LoadedPipeline.path(pipeline, in: options.directory)
        let name = file.split(separator: "/").last.map(String.init) ?? file
        let stem = name.split(separator: ".").dropLast().joined(separator: ".")
        let agentSteps = loaded.loader.registry.agentSteps
        let chats = loaded.pipeline.steps.flatMap(\.withInner).filter { agentSteps.contains($0.uses) }
        let required = loaded.pipeline.inputs.filter(\.isRequired).map(\.name)
        let depth = FileReading.folder(of: FileReading.absolute(file)).dropFirst(loaded.project.directory.count)
            .split(separator: "/").count
        let schema = EditorSchema.test.editorLine(from: String(repeating: "../", count: depth))
        var lines = [String(schema.dropLast()), "pipeline: \(name)", "tests:", "  - name: it does what it is for"]
        if !required.isEmpty {
            lines.append("    inputs: { \(required.map { "\($0): \"…\"" }.joined(separator: ", ")) }")
        }
        if !chats.isEmpty {
            lines.append("    # Answers of the agent, in the order of the calls:")
            lines.append("    chat: [ \(chats.map { "{ text: The answer of \($0.id). }" }.joined(separator: ", ")) ]")
        }
        lines += ["    expect:", "      status: succeeded", ""]
        let test = (path: "\(stem).test.yaml", text: lines.joined(separator: "\n"), isProgram: false)
        try NewFiles(folder: FileReading.folder(of: file), files: [test]).write(ifThere: "add to that one")
    }
}

extension PluginTemplate: ExpressibleByArgument {}

/// Names of new files and plugins.
enum NewName {
    static func check(_ name: String) throws {
        let isGood =
            name.utf8.first.map { (0x61...0x7A).contains($0) } ?? false
            && name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
        guard isGood else {
            throw ValidationError(
                "\"\(name)\" is not a valid name: use lower-case letters, digits, - and _, beginning with a letter"
            )
        }
    }

    static func folder(_ project: Project) -> String {
        project.directory == FileReading.absolute(".") ? "." : project.directory
    }
}
