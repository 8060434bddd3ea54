public import RunnelKit

/// `http:` in `runnel.yaml`: how outgoing requests leave this machine.
public struct NetworkSettings: FieldGroup {
    /// Whether requests may reach private addresses.
    @nonexhaustive public enum PrivateAddresses: String, FieldChoice {
        /// Requests may reach them, even if the URL depends on data from outside.
        case allow
        /// Requests may not reach them, except the hosts and networks in `http.allow`.
        case deny
    }

    /// The defaults.
    public init() {}

    /// nil for what the environment says.
    @Field(
        """
        The proxy of all outgoing requests, such as `http://proxy.example:3128` or `socks5://proxy.example:1080`; `none`: \
        no proxy. When left out, the environment variables `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` tell it.
        """) public var proxy: ProxySetting?
    /// Replaces what the URL of the proxy names.
    @Field("User and password for an HTTP proxy, as `user:password`.") public var proxyCredentials: SensitiveValue?
    /// nil for what the environment says.
    @Field(
        """
        Hosts that are reached without the proxy: names with all names below them, addresses, networks such as \
        `10.0.0.0/8`, or `*`. When left out, the environment variable `NO_PROXY` tells them.
        """) public var noProxy: [String]?
    /// Certificates and keys.
    @Field("Certificates.") public var tls: TLSSettings = TLSSettings()
    /// nil for what depends on where the URL comes from.
    @Field(
        """
        Whether `http.fetch` and `webhook.send` may reach private addresses: loopback, link-local, private networks. When \
        left out, they may, unless the URL comes from a trigger; addresses of metadata services only where the host is \
        written out.
        """) public var privateAddresses: PrivateAddresses?
    /// Exceptions to ``privateAddresses``.
    @Field("Hosts and networks that may always be reached, such as `intranet.example` or `10.1.0.0/16`.")
    public var allow: [String] = []

    /// Checks what no single key can tell.
    public func validate() throws(FieldError) {
        if tls.certificate != nil, tls.key == nil {
            throw FieldError(
                "a client certificate needs its key", hint: "add `key`", path: [.key("tls"), .key("certificate")])
        }
        if tls.key != nil, tls.certificate == nil {
            throw FieldError(
                "a key needs its client certificate", hint: "add `certificate`", path: [.key("tls"), .key("key")])
        }
        guard proxyCredentials != nil else { return }
        do {
            try Proxy.checkCredentials(for: proxy?.proxy?.kind)
        } catch {
            throw error.under(.key("proxy_credentials"))
        }
    }
}

/// `tls:` in `runnel.yaml`: PEM files.
public struct TLSSettings: FieldGroup {
    /// No files.
    public init() {}

    /// Authorities beside those of the system.
    @Field("A file with certificates of authorities that are trusted beside those of the system.") public var ca:
        SettingsFile?
    /// The client certificate, with its chain.
    @Field("A file with the client certificate, and the certificates between it and its authority.")
    public var certificate: SettingsFile?
    /// The private key of ``certificate``.
    @Field("A file with the private key of the client certificate.") public var key: SettingsFile?
}

/// `http.proxy`: the URL of a proxy, or `none`.
public struct ProxySetting: FieldValue {
    /// nil for `none`.
    public let proxy: Proxy?

    /// A URL, or `none`.
    public static var schema: Value {
        ["type": "string", "examples": ["http://proxy.example:3128", "socks5://proxy.example:1080", "none"]]
    }

    /// Reads the URL of a proxy.
    public init(field value: Value) throws(FieldError) {
        let text = try String(field: value)
        proxy = text == "none" ? nil : try Proxy(text)
    }
}

/// A proxy for outgoing requests.
public struct Proxy: Sendable, Hashable {
    /// How the proxy is spoken to.
    @nonexhaustive public enum Kind: Sendable, Hashable {
        /// An HTTP proxy.
        case http
        /// A SOCKS5 proxy (RFC 1928).
        case socks5
    }

    /// How the proxy is spoken to.
    public let kind: Kind
    /// An IPv6 address is without brackets.
    public let host: String
    /// The port.
    public let port: Int
    /// User and password; nil where the proxy wants none.
    public var credentials: HTTPURL.UserInfo?

    /// Reads the URL of a proxy; without a scheme it is `http`.
    public init(_ given: String) throws(FieldError) {
        var text = given
        var kind = Kind.http
        for scheme in ["socks5h://", "socks5://"] where given.lowercased().hasPrefix(scheme) {
            kind = .socks5
            text = "http://" + given.dropFirst(scheme.count)
        }
        if !text.contains("://") { text = "http://" + text }
        let url: HTTPURL
        do {
            url = try HTTPURL(text)
        } catch {
            let isSOCKS = given.lowercased().hasPrefix("socks")
            throw FieldError(
                "the proxy \(URLParser.quoted(given)) is not a URL",
                hint: "write it such as \"\(isSOCKS ? "socks5://proxy.example:1080" : "http://proxy.example:3128")\"")
        }
        // A word alone is more likely a slip than a host.
        let isWord = !given.contains { "./:".contains($0) }
        guard !isWord else {
            throw FieldError(
                "the proxy \(URLParser.quoted(given)) is not a URL",
                hint: "write it such as \"http://proxy.example:3128\"")
        }
        guard !url.isSecure else {
            throw FieldError(
                "the proxy \(URLParser.quoted(given)) is to be reached with TLS, which is not supported",
                hint: "use the proxy's http port")
        }
        if url.userInfo != nil { try Self.checkCredentials(for: kind) }
        self.kind = kind
        host = url.host.hasPrefix("[") ? String(url.host.dropFirst().dropLast()) : url.host
        // A proxy's URL without a port means the usual one of its kind.
        let isPortGiven =
            text.dropFirst(7).prefix { $0 != "/" }.split(separator: "@").last?.contains(":\(url.port)") == true
        port = isPortGiven ? url.port : kind == .socks5 ? 1080 : 80
        credentials = url.userInfo
    }

    /// Refuses user and password for a SOCKS5 proxy: the HTTP client sends none to it.
    static func checkCredentials(for kind: Kind?) throws(FieldError) {
        guard kind == .socks5 else { return }
        throw FieldError(
            "user and password are not supported for a SOCKS5 proxy",
            hint: "use a proxy that wants no password, or an HTTP proxy")
    }

    /// For messages: without user and password.
    public var shown: String { "\(kind == .http ? "http" : "socks5")://\(host):\(port)" }
}
