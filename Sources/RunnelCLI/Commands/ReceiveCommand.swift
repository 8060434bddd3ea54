import ArgumentParser
import HTTPServing
import Hummingbird
import HummingbirdCore
import NIOCore
import RunnelEngine
import RunnelKit
import RunnelSupport

/// `runnel receive`
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Listen for webhooks and print them, to test a pipeline.",
        discussion: HelpText.text(
            "It answers every POST with 204. The first line of output is its address.",
            examples: [
                "runnel receive --count 1": "Prints one webhook and ends."
            ]))

    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(parsing: .unconditional, help: "The port to listen on; 0 takes any free one.") var port = 8792
    @Option(parsing: .unconditional, help: ArgumentHelp("Stop after this number of webhooks.", valueName: "number"))
    var count: Int?

    /// The maximum size of a body in bytes; a larger one is rejected with 413.
    private static let maximumBody = 1 << 20

    func validate() throws {
        try PortOption.check(port)
        try HostOption.check(host)
        if let count, count < 1 { throw ValidationError("--count \(count): expected 1 or more") }
    }

    func run() async throws {
        let stop = Latch()
        let connections = OpenConnections()
        let arrivals = Watched(0)
        let application = application(connections) { [count] in
            let arrived = arrivals.update { arrivals in
                arrivals += 1
                return arrivals
            }
            if arrived == count { stop.open() }
        }
        do {
            _ = try await withInterrupt {
                try await application.serve(connections, until: stop, closingAfter: .seconds(1))
            }
        } catch {
            throw PortOption.reported(error, host: host, port: port)
        }
    }

    private func application(
        _ connections: OpenConnections, onArrival: @escaping @Sendable () -> Void
    ) -> some ApplicationProtocol {
        let router = Router()
        let handle: @Sendable (Request, BasicRequestContext) async throws -> Response = { request, _ in
            let body = try await request.body.collect(upTo: Self.maximumBody)
            Self.show(request, Array(body.readableBytesView))
            // The sender gets its response before the last webhook stops the server.
            let answer = ResponseBody(contentLength: 0) { writer in
                try await writer.finish(nil)
                onArrival()
            }
            return Response(status: .noContent, body: answer)
        }
        router.post("/", use: handle)
        router.post("**", use: handle)
        return Application(
            router: router,
            server: HTTPServerBuilder { CountedChannel(responder: $0, connections: connections) },
            configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { [host] channel in
                Streams.output.write("Listening on http://\(host):\(channel.localAddress?.port ?? 0)\n")
            }, logger: RunnerAssembly.logger(LogLevel(.warning), .text, redactor: Redactor()))
    }

    private static func show(_ request: Request, _ body: [UInt8]) {
        var text = "POST \(request.uri.path)\n"
        for field in request.headers where field.name.canonicalName.hasPrefix("webhook-") {
            text += "  \(field.name.canonicalName): \(field.value)\n"
        }
        let shown = (try? Value.json(body))?.json(pretty: true) ?? String(decoding: body, as: UTF8.self)
        text += shown.split(separator: "\n").map { "  \($0)\n" }.joined()
        Streams.output.write(text)
    }
}
