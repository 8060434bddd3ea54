import Crypto
import RunnelKit

/// A trigger's memory without secrets in keys and values: the trigger sees them, the journal does not.
struct SealedTriggerMemory: TriggerMemory {
    let memory: any TriggerMemory
    let seal: SecretSeal

    func value(for key: String) async throws -> Value? {
        try await memory.value(for: seal.close(key)).map(seal.open)
    }

    func values(prefix: String) async throws -> [(key: String, value: Value)] {
        try await memory.values(prefix: seal.closed(prefix: prefix))
            .map { (seal.open($0.key), seal.open($0.value)) }
            .filter { $0.key.utf8.starts(with: prefix.utf8) }
    }

    func set(_ changes: [String: Value?]) async throws {
        try await memory.set(seal.close(changes))
    }
}

extension SecretSeal {
    /// What is to be remembered, without secrets in keys and values.
    func close(_ changes: [String: Value?]) -> [String: Value?] {
        Dictionary(changes.map { (close($0.key), $0.value.map(close)) }, uniquingKeysWith: { _, later in later })
    }

    /// A dedupe key as the journal keeps it. One without a secret stays as it is.
    ///
    /// A secret stands in it as its reference and 64 bits of an HMAC under the secret: the key is the same for the same
    /// event in every life of the process, and another one once the secret has changed.
    package func dedupeKey(_ key: String, of pipeline: String) -> String {
        closed(key) { secret in
            HMAC<SHA256>.authenticationCode(for: Array(pipeline.utf8), using: SymmetricKey(data: secret))
                .prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }
}
