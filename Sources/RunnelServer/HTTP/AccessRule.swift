import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit

/// What a request needs, for the API and for the dashboard.
enum AccessRule {
    /// Forms that concern a browser alone.
    private static let open: Set<String> = ["/sign-in", "/sign-out", "/language", "/seen", "/api/v1/sign-in-links"]
    private static let administrative: Set<String> = ["audit", "settings"]
    private static let triggers: Set<String> = ["enable", "disable", "trigger"]
    private static let workers: Set<String> = ["drain", "undrain"]

    static func scope(_ method: HTTPRequest.Method, _ path: String) -> AccessScope {
        let parts = path.split(separator: "/").map(String.init)
        let own = parts.starts(with: ["api", "v1"]) ? Array(parts.dropFirst(2)) : parts
        if let first = own.first, administrative.contains(first) { return .admin }
        guard method != .get, method != .head, !open.contains(path) else { return .read }
        if own.first == "pipelines", own.count > 2, let last = own.last, triggers.contains(last) { return .admin }
        if own.first == "workers", let last = own.last, workers.contains(last) { return .admin }
        return .run
    }

    /// Throws where the token of the request does not allow it.
    static func check(_ request: Request, _ context: ServerContext) throws(APIError) {
        let needed = scope(request.method, request.uri.path)
        guard context.scope < needed else { return }
        throw APIError(
            403, .insufficientScope,
            "the token \(Value.string(context.caller).quoted(limit: 100)) has the scope `\(context.scope.rawValue)`; "
                + "this needs `\(needed.rawValue)`")
    }
}
