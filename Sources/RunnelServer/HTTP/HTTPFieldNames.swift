import HTTPTypes
import RunnelKit

enum HTTPFieldNames {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")
    static let trace = HTTPField.Name(TraceContext.fields.parent).flatMap { parent in
        HTTPField.Name(TraceContext.fields.state).map { (parent, $0) }
    }
    static let lastEventID = HTTPField.Name("Last-Event-ID")
}
