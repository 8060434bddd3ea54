import RunnelKit

/// How changes are noticed. Polling looks every few milliseconds in tests.
enum Mode: String, CaseIterable, Sendable {
    case inotify, poll

    var keys: ValueObject {
        ["mode": .string(rawValue), "interval": "10ms", "settle": self == .poll ? "20ms" : "50ms"]
    }

    func keys(_ more: ValueObject) -> ValueObject {
        var keys = keys
        for (key, value) in more { keys[key] = value }
        return keys
    }
}
