internal import Crypto
internal import RunnelSupport
internal import Synchronization

/// The secrets of a ``SecretSeal``, shared with its copies and the ``Redactor``s made of it, so that all of them have a new
/// value at once.
final class KnownSecrets: Sendable {
    typealias Secret = (name: String, secret: String)

    /// An immutable snapshot, so that no lock is held while a text is searched.
    private final class Version: Sendable {
        let current: [Secret]
        /// The newest of each name first.
        let former: [Secret]
        /// The newest first. The names are unique.
        let issued: [Secret]
        let matcher: SecretMatcher

        /// The matcher restores a reference with the first value of its name: the current one comes first.
        init(_ current: [Secret], former: [Secret] = [], issued: [Secret] = []) {
            (self.current, self.former, self.issued) = (current, former, issued)
            matcher = SecretMatcher(secrets: current + former + issued)
        }
    }

    private let version: Mutex<Version>

    /// The maximum number of former values of a secret. Steps that began with one may still write it.
    private static let formerLimit = 8

    /// Secrets without names.
    init(_ secrets: some Sequence<String>) {
        version = Mutex(Version(secrets.map { (name: "", secret: $0) }))
    }

    /// - Parameter secrets: By name.
    init(_ secrets: [String: String]) {
        version = Mutex(Version(Self.sorted(secrets)))
    }

    private static func sorted(_ secrets: [String: String]) -> [Secret] {
        secrets.sorted { $0.key < $1.key }.map { (name: $0.key, secret: $0.value) }
    }

    var matcher: SecretMatcher { version.withLock { $0 }.matcher }

    /// Sets the values of these names, and keeps the former ones.
    func update(_ secrets: [String: String]) {
        version.withLock { version in
            let replaced = version.current.filter { name, secret in secrets[name].map { $0 != secret } ?? false }
            let new = secrets.filter { name, _ in !version.current.contains { $0.name == name } }
            guard !replaced.isEmpty || !new.isEmpty else { return }
            let kept = version.current.map { (name: $0.name, secret: secrets[$0.name] ?? $0.secret) }
            let current = (kept + Self.sorted(new)).sorted { $0.name < $1.name }
            var counts: [String: Int] = [:]
            let former = (replaced + version.former).filter { name, secret in
                guard !current.contains(where: { $0.name == name && $0.secret == secret }) else { return false }
                counts[name, default: 0] += 1
                return counts[name, default: 0] <= Self.formerLimit
            }
            version = Version(current, former: former, issued: version.issued)
        }
    }

    /// Adds a secret that a server has issued, and keeps the last ones of this name.
    ///
    /// Its full name contains a fingerprint, so that a reference is never restored with another one: a text that held an
    /// expired access token must not get a valid one.
    func add(_ secret: String, named name: String) {
        let fullName = "\(name)/\(Self.fingerprint(secret, name))"
        version.withLock { version in
            guard !version.issued.contains(where: { $0.name == fullName }) else { return }
            var count = 0
            let kept = version.issued.filter { other in
                guard other.name.hasPrefix(name + "/") else { return true }
                count += 1
                return count <= Self.formerLimit
            }
            version = Version(
                version.current, former: version.former, issued: [(name: fullName, secret: secret)] + kept)
        }
    }

    /// 64 bits of an HMAC keyed with the secret, which do not reveal a random one.
    private static func fingerprint(_ secret: String, _ name: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(name.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        return String(code.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }, radix: 16)
    }
}
