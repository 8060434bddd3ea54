import HTTPTypes
import Hummingbird
import RunnelSupport

/// Cookies of requests and responses (RFC 6265).
enum Cookies {
    static func value(of name: String, in request: Request) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
                if parts.count == 2, parts[0] == name { return parts[1] }
            }
        }
        return nil
    }

    /// A cookie that scripts cannot read and that other sites' pages do not cause to be sent.
    ///
    /// - Parameter seconds: How long it is kept; 0 removes it.
    static func field(_ name: String, _ value: String, seconds: Int64, isSecure: Bool) -> HTTPField {
        HTTPField(
            name: .setCookie,
            value: "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
                + (isSecure ? "; Secure" : ""))
    }
}
