import LibC

// Lets 50 pipelines tick every minute for 24 hours on a clock that it moves itself, and prints the memory of each hour.
//
// Usage: ServeBenchmark FOLDER [HOURS]. It fails where memory grows, or where a tick has not exactly one run.
let arguments = CommandLine.arguments
do {
    try await SimulatedDay(
        directory: arguments.count > 1 ? arguments[1] : ".", hours: arguments.count > 2 ? Int(arguments[2]) ?? 24 : 24
    ).run()
} catch {
    print("error: \(error)")
    exit(1)
}
