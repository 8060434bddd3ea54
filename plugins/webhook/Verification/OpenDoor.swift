internal import RunnelKit

/// Lets everybody in: `scheme: none`.
struct OpenDoor: Verifier {
    var proofHeaders: Set<String> { [] }

    func verify(_ request: IngressRequest, now: Int64) {}
}
