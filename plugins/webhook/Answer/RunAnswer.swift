internal import RunnelKit

/// What a caller is told of a run.
enum RunAnswer {
    /// The header field that names the run where the body is the run's own.
    static let runHeader = "runnel-run-id"

    /// The run is on disk and will end some time.
    static func accepted(_ runID: String) -> IngressResponse {
        .json(202, .object(acceptance(runID)), headers: ["location": "/api/v1/runs/\(runID)"])
    }

    static func acceptance(_ runID: String) -> ValueObject { ["run": .string(runID), "status": "accepted"] }

    /// How the run ended. Why it failed is told by code only: the words are for those who run the pipeline.
    static func ended(_ runID: String, _ end: RunEnd) -> IngressResponse {
        let headers: HeaderList = [runHeader: runID]
        switch end {
        case .succeeded(.string(let text)): return .text(200, text, headers: headers)
        case .succeeded(.bytes(let bytes)):
            var headers = headers
            headers.add("content-type", "application/octet-stream")
            return IngressResponse(status: 200, headers: headers, body: .bytes(bytes))
        case .succeeded(let output): return .json(200, output, headers: headers)
        // Not an error: the sender would repeat the delivery, although the run was skipped on purpose.
        case .skipped: return .json(202, .object(summary(runID, end)), headers: headers)
        default: return .json(500, .object(summary(runID, end)), headers: headers)
        }
    }

    /// The run that the delivery started once is not in the journal any more.
    static func forgotten(_ runID: String) -> IngressResponse {
        .error(
            410, WebhookErrorCode.noSuchRun, "this was delivered before, and its run \"\(runID)\" is not kept any more")
    }

    /// The end in one object.
    static func summary(_ runID: String, _ end: RunEnd) -> ValueObject {
        switch end {
        case .succeeded(let output): ["run": .string(runID), "status": "succeeded", "output": output]
        case .failed(let code, _):
            ["run": .string(runID), "status": "failed", "error": ["code": .string(code)]]
        case .cancelled: ["run": .string(runID), "status": "cancelled"]
        case .skipped: ["run": .string(runID), "status": "skipped"]
        @unknown default: ["run": .string(runID), "status": "ended"]
        }
    }
}
