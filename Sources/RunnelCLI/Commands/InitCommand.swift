import ArgumentParser
import RunnelKit

/// `runnel init`
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Create a project you can run right away.",
        discussion: HelpText.text(
            ProjectTemplate.list,
            examples: [
                "runnel init": "A project with a pipeline that asks an agent, in the current folder.",
                "runnel init folder --in tickets": "A project that watches a folder, in the new folder tickets.",
            ]))

    @Argument(
        help: "The template; default is `hello`.", completion: .list(ProjectTemplate.all.map(\.name)))
    var template: String = ProjectTemplate.standard.name
    @Option(name: .customLong("in"), help: "The project's folder; created if it is missing.", completion: .directory)
    var folder: String = "."

    func validate() throws { try FolderArgument.check(folder, of: "--in") }

    func run() async throws {
        guard let template = ProjectTemplate.named(template) else {
            let names = ProjectTemplate.all.map(\.name)
            throw ExitStatus.usage.reporting(
                "unknown template \"\(self.template)\"",
                hint: FileReading.isFolder(self.template)
                    ? "the folder is given with `--in \(self.template)`"
                    : Suggestion.hint(for: self.template, among: names) ?? "there are \(names.joined(separator: ", "))")
        }
        let registry = try StepRegistry(RunnelCommand.plugins)
        let schemas = [EditorSchema.pipeline, .test, .settings].map { ($0.fileName, $0.text(registry)) }
        let files = NewFiles(folder: folder, files: (template.files + schemas).map { ($0.0, $0.1, false) })
        let choice = template.name == ProjectTemplate.standard.name ? "" : " --template \(template.name)"
        try files.write(ifThere: "`runnel new pipeline NAME\(choice)` adds to an existing project")
        Streams.output.write("\n")
        if folder != "." { Streams.output.write("  cd \(folder)\n") }
        for (command, meaning) in template.tries { Streams.output.write("  \(command)\n      \(meaning)\n") }
    }
}
