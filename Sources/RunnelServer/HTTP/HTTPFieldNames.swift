import HTTPTypes

enum HTTPFieldNames {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")
}
