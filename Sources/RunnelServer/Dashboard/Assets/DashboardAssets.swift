import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine

/// The style sheet and the scripts, compiled into the binary.
///
/// Their address holds a hash over all of them, so browsers keep them for ever, and a new version has a new address.
struct DashboardAssets: Sendable {
    private struct Asset: Sendable {
        let bytes: [UInt8]
        let type: String
        let tag: String
    }

    static let all = DashboardAssets()

    private let assets: [String: Asset]
    /// A part of the address.
    private let version: String

    private init() {
        let files: [(name: String, bytes: [UInt8], type: String)] = [
            ("style.css", PackageResources.style_css, "text/css; charset=utf-8"),
            ("page.js", PackageResources.page_js, "text/javascript; charset=utf-8"),
            ("live.js", PackageResources.live_js, "text/javascript; charset=utf-8"),
            ("worker.js", PackageResources.worker_js, "text/javascript; charset=utf-8"),
            ("icon.svg", PackageResources.icon_svg, "image/svg+xml"),
        ]
        var hash = SHA256()
        for file in files { hash.update(data: file.bytes) }
        version = Array(hash.finalize().prefix(8)).hexadecimal
        assets = Dictionary(
            files.map {
                (
                    $0.name,
                    Asset(bytes: $0.bytes, type: $0.type, tag: Array(SHA256.hash(data: $0.bytes).prefix(8)).hexadecimal)
                )
            },
            uniquingKeysWith: { first, _ in first })
    }

    /// The address of an asset.
    func link(_ name: String) -> Link { Link("assets", version, name) }

    var names: [String] { assets.keys.sorted() }

    func response(_ name: String, version: String, _ request: Request) -> Response? {
        guard let asset = assets[name] else { return nil }
        let tag = "\"\(asset.tag)\""
        let caching = version == self.version ? "public, max-age=31536000, immutable" : "no-cache"
        var headers: HTTPFields = [.eTag: tag, .cacheControl: caching, .contentType: asset.type]
        if request.headers[.ifNoneMatch] == tag {
            headers[.contentType] = nil
            return Response(status: .notModified, headers: headers)
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: asset.bytes)))
    }
}
