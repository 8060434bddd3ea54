internal import RunnelKit

/// The value of `idempotency`: where a delivery says which event it is.
struct Idempotency: FieldGroup {
    static let rules: [FieldRule] = [.exactlyOne(["header", "body"])]

    @Field("A header field.") var header: HeaderName?
    @Field("A place in the body, as a JSON pointer: `/data/id`.") var body: JSONPointer?

    var source: DeliveryKey.Source? {
        header.map { .header($0.name) } ?? body.map { .body($0) }
    }
}
