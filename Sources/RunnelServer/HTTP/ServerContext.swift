import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit
import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The context of a request.
struct ServerContext: RequestContext, RemoteAddressRequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?
    let channel: any Channel
    /// The request id, sent by the client or generated; in the response and in the log.
    var requestID = ""
    /// The browser that is signed in to the dashboard.
    var session: DashboardSession?
    /// The name of the access token of the request; `local` for none.
    var caller = DashboardSession.local
    /// The address of a client of the API or the dashboard, also behind a trusted proxy.
    var clientAddress = "unknown"
    /// What the token allows.
    var scope = AccessScope.admin
    /// Whether the session or the token of the request is still valid. A stream ends when it is not.
    var isAdmitted: @Sendable () async -> Bool = { true }

    /// Nanoseconds since 1970.
    var now: Int64 {
        let parts = Date().timeIntervalSince1970
        return Int64(parts * 1_000_000_000)
    }

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        remoteAddress = source.channel.remoteAddress
    }

    /// A decoded path parameter; empty if it is malformed.
    func parameter(_ name: String) -> String {
        PercentDecoding.text(parameters.get(name) ?? "") ?? ""
    }
}

enum HTTPFieldNames {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")
    static let trace = HTTPField.Name(TraceContext.fields.parent).flatMap { parent in
        HTTPField.Name(TraceContext.fields.state).map { (parent, $0) }
    }
    static let lastEventID = HTTPField.Name("Last-Event-ID")
}
