import ArgumentParser
import RunnelKit
import RunnelSupport

/// `runnel status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the status of a running server and its triggers.",
        discussion: HelpText.text(
            examples: [
                "runnel status": "The triggers of the running server, and what is wrong with them."
            ]))

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Print a JSON object.") var json = false

    func run() async throws {
        let client = ServerClient(project: try options.project(runsCommands: true))
        let status = try await client.request("GET", "/status", within: 5)
        if json { return Streams.output.write(json: status, isPretty: true) }
        let style = TextStyle.standardOutput
        let object = status.asObject ?? [:]
        var lines = [
            "runnel \(object["version"]?.asString ?? "")  \(object["running"]?.json() ?? "0") running, \(object["queued"]?.json() ?? "0") queued"
        ]
        if let waiting = object["waiting"]?.asInt, waiting > 0 { lines[0] += ", \(waiting) waiting" }
        if let stranded = object["stranded"]?.asList, !stranded.isEmpty {
            lines.append(
                style.red(
                    "✗ \(stranded.count) run\(stranded.count == 1 ? "" : "s") of this server cannot continue because the journal is not writable"
                ))
        }
        if object["drained"]?.asBool ?? false {
            lines.append(
                style.bold("this server is drained: it takes no runs; `runnel workers undrain NAME` ends that"))
        }
        let pending = (object["pending_restart"]?.asList ?? []).compactMap(\.asString)
        if !pending.isEmpty {
            lines.append(style.bold("restart Runnel to apply \(style.line(Quote.names(pending)))"))
        }
        for worker in object["workers"]?.asList ?? [] {
            lines += Self.lines(worker, style)
        }
        for pipeline in object["pipelines"]?.asList ?? [] {
            let pipeline = pipeline.asObject ?? [:]
            let file = style.line(pipeline["file"]?.asString ?? "")
            lines.append("\(style.bold(style.line(pipeline["name"]?.asString ?? "(not served)")))  \(style.dim(file))")
            for trigger in pipeline["triggers"]?.asList ?? [] {
                let trigger = trigger.asObject ?? [:]
                let key = style.line(trigger["key"]?.asString ?? "")
                let count = trigger["ignored"]?.asInt ?? 0
                let ignored = count > 0 ? "  \(count) event\(count == 1 ? "" : "s") ignored" : ""
                if let problem = trigger["problem"]?.asString {
                    lines.append("  \(style.red("✗")) \(key)  \(style.safe(problem))\(style.dim(ignored))")
                } else {
                    lines.append(
                        "  \(style.green("✓")) \(key)  \(style.dim(style.safe((trigger["waiting"]?.asString ?? "") + ignored)))"
                    )
                }
            }
            if let problem = pipeline["problem"]?.asString {
                lines.append(style.red("  the file has errors:"))
                lines.append(style.safe(problem).split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
            }
        }
        Streams.output.write(styled: lines.joined(separator: "\n") + "\n")
    }

    private static func lines(_ worker: Value, _ style: TextStyle) -> [String] {
        let (host, process) = (worker["host"]?.asString ?? "", worker["process"]?.json() ?? "")
        let runs = worker["runs"]?.asList?.count ?? 0
        let facts = [
            worker["role"]?.asString ?? "", worker["version"]?.asString ?? "", "\(runs) run\(runs == 1 ? "" : "s")",
            "since \(worker["since"]?.asString ?? "")",
        ].filter { !$0.isEmpty }.joined(separator: ", ")
        let state = worker["state"]?.asString ?? ""
        let mark = ["silent", "ended"].contains(state) ? style.red("✗") : style.green("✓")
        var lines = [
            "\(mark) worker \(style.line("\(host)/\(process)"))  \(style.line(state))  \(style.dim(style.line(facts)))"
        ]
        if let problem = worker["problem"]?.asString { lines.append("  " + style.red("✗ ") + style.safe(problem)) }
        return lines
    }
}
