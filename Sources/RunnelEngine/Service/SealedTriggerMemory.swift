import Crypto
import RunnelKit

/// The stored state of a trigger with sealed secrets: the trigger sees them, the journal does not.
struct SealedTriggerMemory: TriggerMemory {
    let memory: any TriggerMemory
    let seal: SecretSeal

    func value(for key: String) async throws -> Value? {
        try await memory.value(for: seal.seal(key)).map(seal.unseal)
    }

    func values(prefix: String) async throws -> [(key: String, value: Value)] {
        try await memory.values(prefix: seal.sealed(prefix: prefix))
            .map { (seal.unseal($0.key), seal.unseal($0.value)) }
            .filter { $0.key.utf8.starts(with: prefix.utf8) }
    }

    func set(_ changes: [String: Value?]) async throws {
        try await memory.set(seal.seal(changes))
    }
}

extension SecretSeal {
    /// The changes with secrets sealed in keys and values.
    func seal(_ changes: [String: Value?]) -> [String: Value?] {
        Dictionary(changes.map { (seal($0.key), $0.value.map(seal)) }, uniquingKeysWith: { _, later in later })
    }

    /// The stored form of a dedupe key. One without a secret is unchanged.
    ///
    /// A secret is replaced with its reference and 64 bits of an HMAC keyed with it: the key is stable for the same
    /// event across restarts, and differs after the secret has changed.
    package func dedupeKey(_ key: String, of pipeline: String) -> String {
        sealed(key) { secret in
            HMAC<SHA256>.authenticationCode(for: Array(pipeline.utf8), using: SymmetricKey(data: secret))
                .prefix(8).hexadecimal
        }
    }
}
