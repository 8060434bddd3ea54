#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Runs `body` with the path of a fresh, empty folder, which is removed afterwards.
public func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let manager = FileManager.default
    // The real path, since steps compare paths after links are resolved.
    let base = manager.temporaryDirectory.path
    let path = base + (base.hasSuffix("/") ? "" : "/") + "runnel-\(UUID().uuidString.lowercased())"
    try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: path) }
    return try await body(path)
}
