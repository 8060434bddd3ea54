public import NIOHTTP1

extension HTTPHeaders {
    /// How Runnel introduces itself to servers.
    public static let userAgent = "Runnel"

    /// Adds the field unless it is there already.
    public mutating func addDefault(name: String, value: String) {
        if !contains(name: name) { add(name: name, value: value) }
    }
}
