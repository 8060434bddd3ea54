/// Measures how many events a second the client reads from one stream whose every event is an HTTP chunk of its own.
///
/// `serve` is the server for all clients, `client` one measurement; `run.sh` puts them side by side with a Python
/// client.
@main
enum StreamBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "serve":
            try await BenchmarkServer.run()
        case "client":
            guard arguments.count == 3, let url = arguments.dropFirst().first,
                let count = arguments.last.flatMap({ Int($0) })
            else { fallthrough }
            try await BenchmarkClient.run(url: url, events: count)
        default:
            print("usage: StreamBenchmark serve | client <url> <events>")
        }
    }
}
