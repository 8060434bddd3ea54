internal import NIOHTTP1
public import RunnelKit
internal import RunnelSupport

/// Tells which header fields and query keys carry credentials.
public enum SensitiveName {
    /// Whether a field or parameter of this name is likely to hold a secret.
    public static func matches(_ name: String) -> Bool { CredentialName.isField(name) }

    /// Whether a query parameter of a call that comes in is one that senders put credentials in. Narrower than
    /// ``matches(_:)``: `keyword` and `author` are what a caller asks for.
    public static func matchesParameter(_ name: String) -> Bool { CredentialName.isParameter(name) }
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
