import HTTPTypes

enum HTTPFieldNames {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")
    static let lastEventID = HTTPField.Name("Last-Event-ID")
}
