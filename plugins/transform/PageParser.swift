import CRunnelJQ
import RunnelHTTP
import RunnelKit

/// Parses HTML with gumbo in the child processes where jq runs.
struct PageParser: HTMLParser {
    /// The CPU time for a page; an ordinary one of 1 MiB takes 20 ms. gumbo needs quadratic time for elements that are
    /// nested without end.
    static let timeLimit = Duration.seconds(5)

    var pool = EvaluatorPool.shared

    func parse(_ html: String) async throws -> HTMLDocument {
        let request = JQWriter(html: html, limit: Self.timeLimit)
        let outcome = await pool.evaluate(
            EvaluatorCall(program: "", request: request.bytes, limit: Self.timeLimit))
        do {
            let answer = try outcome.get()
            guard answer.end == RUNNEL_JQ_COMPLETE else {
                throw Self.tooComplex("parsing the page makes more than \(JQLimits.text) of it")
            }
            var reader = JQReader(answer.values)
            return HTMLDocument(events: try reader.values().first?.asString ?? "")
        } catch let error as EvaluatorFailure {
            throw Self.error(for: error)
        }
    }

    private static func error(for failure: EvaluatorFailure) -> any Error {
        switch failure {
        case .cancelled: CancellationError()
        case .outOfTime:
            tooComplex("parsing the page took more than \(DurationText.format(timeLimit)) of CPU time")
        case .outOfMemory: tooComplex("parsing the page needs more than \(JQLimits.memory) of memory")
        case .crashed(let signal): tooComplex("the page crashed the parser (signal \(signal))")
        case .killed, .ended, .unreadable, .stalled, .unavailable:
            StepError(
                TransformErrorCode.htmlParserFailed, "the process that parses HTML failed: \(failure)",
                hint: "try again; if it stays so, look for a lack of memory or processes", isTransient: true)
        }
    }

    private static func tooComplex(_ why: String) -> StepError {
        StepError(
            TransformErrorCode.htmlTooComplex, "the page cannot be parsed: \(why)",
            hint: "its elements are nested too deep, or it is too large; `as: text` gives its source")
    }
}
