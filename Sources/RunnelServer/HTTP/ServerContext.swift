import Hummingbird
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A request's surroundings.
struct ServerContext: RequestContext, RemoteAddressRequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?
    let channel: any Channel
    /// Given by the caller, or made here; in the response and in the log.
    var requestID = ""

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

    /// A part of the path as it was meant; empty where it cannot be read.
    func parameter(_ name: String) -> String {
        PercentDecoding.text(parameters.get(name) ?? "") ?? ""
    }
}
