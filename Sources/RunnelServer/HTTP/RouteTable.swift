import HTTPTypes
import Hummingbird

/// The methods of each path, for 405 responses.
struct RouteTable: Sendable {
    private struct Path: Sendable {
        let segments: [String]
        var methods: [String]
    }

    private var paths: [Path] = []

    init(_ router: Router<ServerContext>) {
        for route in router.routes {
            let segments = Self.segments(route.path.description)
            let method = route.method.rawValue
            if let index = paths.firstIndex(where: { $0.segments == segments }) {
                paths[index].methods.append(method)
            } else {
                paths.append(Path(segments: segments, methods: [method]))
            }
        }
        for index in paths.indices {
            if paths[index].methods.contains("GET") { paths[index].methods.append("HEAD") }
            paths[index].methods = Set(paths[index].methods).union(["OPTIONS"]).sorted()
        }
    }

    /// The methods of the path; nil if there is no such route.
    func methods(_ path: String) -> [String]? {
        let segments = Self.segments(path)
        return paths.first { Self.matches($0.segments[...], segments[...]) }?.methods
    }

    private static func matches(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == "**" { return !path.isEmpty }
        guard let segment = path.first, first == segment || first.hasPrefix("{") else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    private static func segments(_ path: String) -> [String] {
        path.split(separator: "/").map(String.init)
    }
}
