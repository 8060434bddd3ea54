import ArgumentParser
import RunnelKit
internal import RunnelSupport

/// `runnel trigger`
struct TriggerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trigger",
        abstract: "Start a run in a running server as if a trigger had fired, or disable a trigger.",
        discussion: HelpText.text(
            "The event is a JSON object: what templates find under `trigger`.",
            examples: [
                "runnel trigger hello -i sentences=2": "Starts a run of the pipeline hello in the server.",
                "runnel trigger hello --priority 5": "The same, before queued runs of a lower priority.",
                "runnel trigger tickets --event event.json":
                    "With {\"type\": \"watch\", \"path\": \"inbox/a.txt\"} in event.json.",
                "runnel trigger tickets --disable watch": "Stops the trigger until --enable.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The pipeline's name.", completion: PipelineCompletion.names) var pipeline: String
    @Option(help: "The file with the trigger event; `-` is standard input.", completion: .file()) var event: String?
    @Option(
        name: [.customShort("i"), .customLong("input")],
        help: ArgumentHelp("Set an input of the pipeline.", valueName: "name=value"),
        completion: PipelineCompletion.inputs)
    var inputs: [String] = []

    @OptionGroup var priority: PriorityOption

    @Option(help: ArgumentHelp("Disable this trigger of the pipeline instead, such as `schedule`.", valueName: "key"))
    var disable: String?
    @Option(help: ArgumentHelp("Enable this trigger of the pipeline again.", valueName: "key")) var enable: String?

    func validate() throws {
        if disable != nil, enable != nil { throw ValidationError("--disable and --enable exclude each other") }
        if disable ?? enable != nil, event != nil || !inputs.isEmpty || priority.text != nil {
            throw ValidationError("--disable and --enable start no run; leave out --event, --input and --priority")
        }
    }

    func run() async throws {
        let client = ServerClient(project: try options.project(runsCommands: true))
        let name = PercentEncoding.encode(pipeline, allowed: PercentEncoding.unreserved)
        if let key = disable ?? enable {
            let word = disable == nil ? "enable" : "disable"
            let encoded = PercentEncoding.encode(key, allowed: PercentEncoding.unreserved)
            _ = try await client.request("POST", "/pipelines/\(name)/triggers/\(encoded)/\(word)")
            return
        }
        var body: ValueObject = [:]
        if let event { body["trigger"] = try read(event) }
        var values = ValueObject()
        for input in inputs {
            guard let (name, text) = NamedValue.split(input) else {
                throw ValidationError("--input \(input): expected name=value")
            }
            values[name] = .string(text)
        }
        body["inputs"] = .object(values)
        body["priority"] = priority.level.map { .int(Int64($0)) }
        let answer = try await client.request("POST", "/pipelines/\(name)/runs", body: .object(body))
        Streams.output.write((answer.asObject?["run"]?.asString ?? "") + "\n")
    }

    private func read(_ path: String) throws -> Value {
        let shown = path == "-" ? "standard input" : "\"\(path)\""
        do {
            let bytes = path == "-" ? try FileReading.standardInput() : try FileReading.bytes(of: path)
            let value = try Value.json(bytes)
            guard value.asObject != nil else {
                throw ExitStatus.usage.reporting("\(shown) is not a JSON object")
            }
            return value
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        } catch let error as JSONError {
            throw ExitStatus.usage.reporting("\(shown) is not JSON: \(error)")
        }
    }
}
