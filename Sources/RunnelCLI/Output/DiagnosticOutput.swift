import ArgumentParser
import RunnelEngine
import RunnelKit

/// The output format of diagnostics.
enum DiagnosticFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// Prints the diagnostics of files.
enum DiagnosticOutput {
    /// Text goes to standard error, JSON to standard output.
    static func write(_ reports: [LoadReport], format: DiagnosticFormat, redactor: Redactor = Redactor()) {
        let diagnostics = reports.flatMap(\.diagnostics).sortedByPlace()
        switch format {
        case .json: Streams.output.write(json: redactor.redact(DiagnosticPrinter.json(diagnostics)), isPretty: true)
        case .text:
            guard !diagnostics.isEmpty else { return }
            let printer = DiagnosticPrinter(sources: reports.flatMap(\.sources))
            Streams.error.write(redactor.redact(printer.text(diagnostics)) + "\n")
        }
    }
}
