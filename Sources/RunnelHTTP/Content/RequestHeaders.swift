public import NIOHTTP1
internal import RunnelSupport

extension HTTPHeaders {
    /// How Runnel introduces itself to servers.
    public static let userAgent = "Runnel"

    /// The value of `accept-encoding`: what ``HTTPCall`` decompresses on this machine.
    public static var acceptEncoding: String { ContentCoding.accepted }

    /// Adds the field unless it is there already.
    public mutating func addDefault(name: String, value: String) {
        if !contains(name: name) { add(name: name, value: value) }
    }
}
