import Logging
import MCPServer
import RunnelEngine
import RunnelKit
import Synchronization

/// The pipelines of a folder as tools of an MCP server. Each call is a run of the journal.
actor PipelineTools: ToolProvider {
    private let folder: PipelineFolder
    private let loader: PipelineLoader
    private let runs: ForegroundRuns
    private var contents: [String: [UInt8]] = [:]
    private var pipelines: [String: Pipeline] = [:]
    private var served: [(name: String, pipeline: Pipeline)] = []
    /// The names of those that are not served, by file.
    private var hidden: [String: String] = [:]

    init(folder: String, loader: PipelineLoader, runs: ForegroundRuns) {
        self.folder = PipelineFolder(folder)
        self.loader = loader
        self.runs = runs
    }

    /// A file with errors keeps its last good version, as with `runnel serve`.
    func tools() -> [ServedTool] {
        read()
        return served.map { ServedTool($0.name, $0.pipeline) }
    }

    func call(
        _ tool: String, _ arguments: ValueObject, progress: @escaping @Sendable (String) async -> Void
    ) async -> ToolOutcome {
        guard let pipeline = served.first(where: { $0.name == tool })?.pipeline else {
            return .failed(message: "the pipeline is gone", run: nil)
        }
        var given = arguments
        var input = Value.null
        if !pipeline.inputs.contains(where: { $0.name == ServedTool.inputKey }) {
            input = given[ServedTool.inputKey] ?? .null
            given = given.removing(ServedTool.inputKey)
        }
        let id = UUIDv7.make(nanoseconds: WallClock.nanoseconds())
        do {
            let values = try pipeline.inputValues(json: given)
            let request = RunRequest(id: id, inputs: values, input: input)
            return try await run(request, pipeline, progress)
        } catch let error as InputError {
            return .failed(message: error.message, run: nil)
        } catch {
            return .failed(message: "the run cannot be kept: \(error)", run: id)
        }
    }

    private func run(
        _ request: RunRequest, _ pipeline: Pipeline, _ progress: @escaping @Sendable (String) async -> Void
    ) async throws -> ToolOutcome {
        let definition = runs.definition(of: pipeline)
        try await runs.journal.keep(definition)
        let record = runs.record(request, of: pipeline, definition: definition.hash)
        let reporter = ProgressReporter(progress: progress)
        let cancellation = Cancellation()
        let result: DriveResult?
        do {
            result = try await withTaskCancellationHandler {
                try await runs.begin(record, of: pipeline, reporter: reporter)
            } onCancel: {
                // In the journal too: the run may be waiting for its turn still.
                cancellation.begin { [journal = runs.journal] in
                    _ = try? await journal.requestCancel(request.id, at: WallClock.nanoseconds())
                }
                runs.worker.cancelRun(request.id)
            }
            await cancellation.wait()
        } catch {
            await cancellation.wait()
            throw error
        }
        switch result {
        case .ended(let ended)?:
            switch ended.outcome {
            case .succeeded(let output):
                return .succeeded(output: runs.project.redactor.redact(output), run: request.id)
            case .cancelled: return .failed(message: "the run was cancelled", run: request.id)
            case .failed(let error):
                let hint = error.hint.map { " (\($0))" } ?? ""
                return .failed(
                    message: runs.project.redactor.redact("\(error.message)\(hint) [\(error.code)]"), run: request.id)
            }
        case nil:
            return .failed(message: "another run of \(pipeline.name) goes on, and `overlap` says so", run: request.id)
        default:
            return .failed(
                message: "the run did not end here; `runnel runs show \(request.id)` says how it is", run: request.id)
        }
    }

    /// Of two pipelines that would share a name, the first in the order of the files; the other is told of once.
    private func nameTools() {
        served = []
        for (file, pipeline) in pipelines.sorted(by: { $0.key < $1.key }) {
            let name = ServedTool.name(of: pipeline)
            if let first = served.first(where: { $0.name == name })?.pipeline {
                guard hidden.updateValue(pipeline.name, forKey: file) != pipeline.name else { continue }
                runs.assembly.logger.warning(
                    "\"\(pipeline.name)\" in \(file) is not served: \"\(first.name)\" is the tool \"\(name)\" already; give it another name"
                )
            } else {
                hidden[file] = nil
                served.append((name, pipeline))
            }
        }
    }

    private func read() {
        // A folder that cannot be read leaves everything as it is.
        guard let files = try? folder.files() else { return }
        for file in Set(contents.keys).subtracting(files) {
            contents[file] = nil
            pipelines[file] = nil
        }
        for file in files {
            guard let bytes = try? FileReading.yaml(of: file), bytes != contents[file] else { continue }
            contents[file] = bytes
            let (pipeline, report) = loader.load(bytes, file: FileReading.shown(FileReading.absolute(file)))
            if let pipeline { pipelines[file] = pipeline }
            DiagnosticOutput.write([report], format: .text, redactor: runs.project.redactor)
        }
        nameTools()
    }
}

extension ServedTool {
    /// The argument that becomes the first step's input, where the pipeline has no input of that name.
    static let inputKey = "input"

    init(_ name: String, _ pipeline: Pipeline) {
        var properties = ValueObject()
        for input in pipeline.inputs {
            let type = Value.string(input.kind.schemaType)
            var property: ValueObject = ["type": input.takesNull ? [type, "null"] : type]
            property["description"] = input.help.map { .string($0) }
            property["default"] = input.defaultValue
            if input.kind == .list { property["items"] = [:] }
            property["enum"] = input.choices.map { .list(input.takesNull ? $0 + [.null] : $0) }
            properties[input.name] = .object(property)
        }
        if properties[Self.inputKey] == nil {
            properties[Self.inputKey] = ["description": "What the first step gets as its input, such as a text."]
        }
        var schema: ValueObject = ["type": "object", "properties": .object(properties)]
        let required = pipeline.inputs.filter { $0.isRequired && $0.defaultValue == nil }
        if !required.isEmpty { schema["required"] = .list(required.map { .string($0.name) }) }
        schema["additionalProperties"] = false
        self.init(
            name: name, description: pipeline.description ?? "Runs the pipeline \(pipeline.name).",
            inputSchema: .object(schema))
    }

    /// What clients accept as a name: other characters become `_`.
    static func name(of pipeline: Pipeline) -> String {
        String(
            String.UnicodeScalarView(
                pipeline.name.unicodeScalars.prefix(64).map { scalar in
                    let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                    return isPlain || scalar == "-" ? scalar : "_"
                }))
    }
}

extension InputDeclaration.Kind {
    fileprivate var schemaType: String { self == .list ? "array" : rawValue }
}

/// Says what goes on in a run, in a line each.
private struct ProgressReporter: RunReporter {
    let progress: @Sendable (String) async -> Void

    func report(_ event: RunEvent) async {
        switch event.kind {
        case .stepStarted(let place, let attempt):
            await progress(attempt > 1 ? "\(place.id): attempt \(attempt)" : place.id)
        case .stepNote(let place, let text), .stepText(let place, let text): await progress("\(place.id): \(text)")
        case .stepFailed(let place, let error, _, _): await progress("\(place.id) failed: \(error.message)")
        default: break
        }
    }

    func finish(_ result: RunResult) {}
}

/// What a cancellation sets off; waited for by whoever was cancelled.
private final class Cancellation: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    func begin(_ work: @escaping @Sendable () async -> Void) {
        task.withLock { $0 = $0 ?? Task { await work() } }
    }

    func wait() async {
        await task.withLock(\.self)?.value
    }
}
