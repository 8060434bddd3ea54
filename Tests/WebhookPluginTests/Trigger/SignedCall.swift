import RunnelKit
import Testing

@testable import WebhookPlugin

/// A call to a hook, and whether it may.
struct SignedCall: Sendable, CustomTestStringConvertible {
    let name: String
    let verify: Value
    let headers: HeaderList
    let body: String
    let isRight: Bool

    init(_ name: String, _ verify: Value, _ headers: HeaderList, _ body: String, _ isRight: Bool) {
        self.name = name
        self.verify = verify
        self.headers = headers
        self.body = body
        self.isRight = isRight
    }

    var testDescription: String { name }
}
