internal import NIOHTTP1
public import RunnelKit
internal import RunnelSupport

/// Tells which header fields and query keys carry credentials.
public enum SensitiveName {
    private static let words = [
        "auth", "cookie", "credential", "key", "passw", "secret", "session", "signature", "token",
    ].map { Array($0.utf8) }

    /// Whether a field or parameter of this name is likely to hold a secret.
    public static func matches(_ name: String) -> Bool {
        let name = name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return name.elementsEqual("sig".utf8) || name.elementsEqual("code".utf8)
            || words.contains { contains($0, name) }
    }

    private static func contains(_ word: [UInt8], _ name: [UInt8]) -> Bool {
        guard name.count >= word.count else { return false }
        return (0...name.count - word.count).contains { start in
            name[start] == word[0] && name[start...].starts(with: word)
        }
    }
}

extension HTTPCall {
    /// Masks what this request proves its right with, should the other side repeat it. `more` are secrets that stand
    /// in it in another form.
    public func redactor(more: [String] = []) -> Redactor {
        var secrets = more
        for (name, value) in headers where SensitiveName.matches(name) {
            secrets.append(value)
            // The word before the space is the scheme: "Bearer", "Basic".
            secrets += value.split(separator: " ").dropFirst().map(String.init)
        }
        for pair in (url.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, SensitiveName.matches(String(parts[0])) else { continue }
            secrets += [String(parts[1]), PercentEncoding.decode(parts[1])]
        }
        return Redactor(secrets: secrets)
    }
}
