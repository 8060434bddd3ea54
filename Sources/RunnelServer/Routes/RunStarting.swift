import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit

extension API {
    /// Accepts the run, and answers once it is on disk.
    func start(_ run: NewRun) async throws(APIError) -> Response {
        var id = run.id
        do {
            if case .duplicate(let other) = try await runs.start(run) { id = other }
        } catch {
            throw APIError(error)
        }
        var response = Response.json(["run": .string(id), "status": "accepted"], status: 202)
        response.headers[.location] = "/api/v1/runs/\(id)"
        return response
    }
}

extension Request {
    /// What makes repeats of the request harmless.
    func dedupeKey() throws(APIError) -> String? {
        guard let key = HTTPFieldNames.idempotencyKey.flatMap({ headers[$0] }) else { return nil }
        guard (1...200).contains(key.utf8.count) else {
            throw APIError(400, "bad-header", "Idempotency-Key: expected 1 to 200 characters, found \(key.utf8.count)")
        }
        return "api:\(key)"
    }
}

extension APIError {
    fileprivate init(_ refusal: TriggerRefusal) {
        switch refusal.reason {
        case .overloaded: self.init(429, "overloaded", refusal.message)
        case .shuttingDown: self = .shuttingDown
        case .journal: self.init(503, "unavailable", refusal.message)
        }
        let (seconds, rest) = refusal.retryAfter.components
        headers[.retryAfter] = "\(max(1, seconds + (rest > 0 ? 1 : 0)))"
    }

    /// The process is shutting down; another one may replace it.
    static var shuttingDown: APIError {
        var error = APIError(503, "shutting-down", "Runnel is shutting down; try again in 5 s")
        error.headers[.retryAfter] = "5"
        return error
    }
}
