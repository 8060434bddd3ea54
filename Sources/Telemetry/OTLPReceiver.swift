import LibC
package import RunnelEngine
package import RunnelHTTP
import RunnelKit
internal import RunnelSupport

/// What is sent by OTLP: each has a path, settings and variables of its own.
package enum OTLPSignal: String, Sendable {
    case traces, metrics

    /// What is added to the URL of a receiver.
    fileprivate var path: String { "/v1/\(rawValue)" }

    /// As the names of variables have it.
    fileprivate var word: String { rawValue.uppercased() }
}

/// Where one signal is sent: a section of `runnel.yaml`, and the variables of OpenTelemetry that win over it.
package struct OTLPReceiver: Sendable {
    /// The whole URL.
    package var endpoint: HTTPURL
    package var format = OTLPFormat.json
    /// May be replaced while requests are sent. Copies share them.
    package var headers: [(name: String, value: String)] {
        get { currentHeaders.value }
        nonmutating set { currentHeaders.update { $0 = newValue } }
    }
    private let currentHeaders: Watched<[(name: String, value: String)]>
    /// For one request.
    package var timeout: Duration
    /// What names this program in each request.
    package var resource: [(key: String, value: String)]

    package init(
        endpoint: HTTPURL, headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(10),
        resource: [(key: String, value: String)] = [("service.name", "runnel")]
    ) {
        (self.endpoint, self.timeout, self.resource) = (endpoint, timeout, resource)
        currentHeaders = Watched(headers)
    }

    /// The variables that are read. Those of one signal win over the general ones.
    private enum Variable {
        static let disabled = "OTEL_SDK_DISABLED"
        static let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
        static let service = "OTEL_SERVICE_NAME"
        static let resource = "OTEL_RESOURCE_ATTRIBUTES"

        static func exporter(_ signal: OTLPSignal) -> String { "OTEL_\(signal.word)_EXPORTER" }
        static func wholeEndpoint(_ signal: OTLPSignal) -> String { "OTEL_EXPORTER_OTLP_\(signal.word)_ENDPOINT" }
        static func own(_ signal: OTLPSignal) -> String { "RUNNEL_\(signal.word)_ENDPOINT" }

        /// `OTEL_EXPORTER_OTLP_TRACES_HEADERS` and `OTEL_EXPORTER_OTLP_HEADERS`.
        static func both(_ name: String, _ signal: OTLPSignal) -> [String] {
            ["OTEL_EXPORTER_OTLP_\(signal.word)_\(name)", "OTEL_EXPORTER_OTLP_\(name)"]
        }
    }

    /// Reads settings and variables.
    ///
    /// - Parameters:
    ///   - own: `endpoint` of the section of `runnel.yaml`, with the variables `RUNNEL_…` applied, as is `format`.
    ///   - headers: Those of the section, fetched.
    ///   - environment: An empty variable counts as one that is not set.
    ///   - warnings: A sentence for each variable that cannot be used; it is left out then, as OpenTelemetry asks for.
    /// - Returns: nil where no receiver is named, or the signal is switched off.
    static func resolve(
        _ signal: OTLPSignal, endpoint own: PublicURLText?, format: OTLPFormat, headers: [String: String],
        environment: [String: String], version: String, host: String, warnings: inout [String]
    ) -> OTLPReceiver? {
        let variables = given(environment)
        let exporters = (variables[Variable.exporter(signal)] ?? "").split(separator: ",").map { String($0.trimmed) }
        guard variables[Variable.disabled]?.lowercased() != "true", exporters != ["none"] else { return nil }
        guard let endpoint = endpoint(signal, own?.text, exporters, variables, &warnings) else { return nil }
        var receiver = OTLPReceiver(endpoint: endpoint)
        receiver.headers = headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if let variable = Variable.both("HEADERS", signal).first(where: { variables[$0] != nil }) {
            receiver.headers = pairs(variables[variable] ?? "", of: variable, &warnings).filter { name, _ in
                guard !isToken(name) else { return true }
                warnings.append("\(variable): \(Value.string(name).quoted(limit: 80)) is not a header name")
                return false
            }
        }
        if let timeout = milliseconds(Variable.both("TIMEOUT", signal), upTo: 600_000, in: environment, &warnings) {
            receiver.timeout = timeout
        }
        receiver.format = self.format(signal, variables, &warnings) ?? format
        receiver.resource = resource(variables, version: version, host: host, &warnings)
        return receiver
    }

    private static func given(_ environment: [String: String]) -> [String: String] {
        environment.filter { !$0.value.trimmed.isEmpty }
    }

    private static func endpoint(
        _ signal: OTLPSignal, _ own: String?, _ exporters: [String], _ variables: [String: String],
        _ warnings: inout [String]
    ) -> HTTPURL? {
        let text: String
        let name: String
        if let whole = variables[Variable.wholeEndpoint(signal)] {
            // By the specification this one is taken as it is.
            (text, name) = (String(whole.trimmed), Variable.wholeEndpoint(signal))
        } else if let base = general(signal, exporters, variables) {
            (text, name) = (adding(signal.path, to: String(base.trimmed)), Variable.endpoint)
        } else if let own {
            (text, name) = (
                own.hasSuffix(signal.path) ? own : adding(signal.path, to: own), "\(signal.rawValue).endpoint"
            )
        } else {
            if signal == .metrics, exporters.contains("otlp") {
                warnings.append(
                    "\(Variable.exporter(signal)) is `otlp`, and no receiver is named: set \(Variable.endpoint)")
            }
            return nil
        }
        do {
            return try HTTPURL(text)
        } catch {
            warnings.append("\(name) is not a URL that \(signal.rawValue) can be sent to: \(error.message)")
            return nil
        }
    }

    /// The receiver of all signals. It counts for metrics only where they are asked for, because many receivers of traces
    /// accept nothing else.
    private static func general(
        _ signal: OTLPSignal, _ exporters: [String], _ variables: [String: String]
    ) -> String? {
        guard variables[Variable.own(signal)] == nil, signal == .traces || exporters.contains("otlp") else {
            return nil
        }
        return variables[Variable.endpoint]
    }

    private static func format(
        _ signal: OTLPSignal, _ variables: [String: String], _ warnings: inout [String]
    ) -> OTLPFormat? {
        guard let name = Variable.both("PROTOCOL", signal).first(where: { variables[$0] != nil }),
            let value = variables[name]?.trimmed
        else { return nil }
        switch value {
        case "http/json": return .json
        case "http/protobuf": return .protobuf
        default:
            warnings.append(
                "\(name): Runnel sends `http/json` and `http/protobuf`, not \(Value.string(String(value)).quoted(limit: 80))"
            )
            return nil
        }
    }

    /// The first of the variables that is set, in milliseconds from 1.
    static func milliseconds(
        _ names: [String], upTo maximum: Int, in environment: [String: String], _ warnings: inout [String]
    ) -> Duration? {
        let variables = given(environment)
        guard let name = names.first(where: { variables[$0] != nil }), let text = variables[name] else { return nil }
        guard let milliseconds = Int(text.trimmed), (1...maximum).contains(milliseconds) else {
            warnings.append(
                "\(name): expected milliseconds from 1 to \(maximum), found \(Value.string(text).quoted(limit: 80))")
            return nil
        }
        return .milliseconds(milliseconds)
    }

    private static func adding(_ path: String, to base: String) -> String {
        (base.hasSuffix("/") ? String(base.dropLast()) : base) + path
    }

    private static func resource(
        _ variables: [String: String], version: String, host: String, _ warnings: inout [String]
    ) -> [(key: String, value: String)] {
        var resource = [
            // Prometheus makes the label `instance` of its id. Without one, two processes write the same series.
            ("service.name", "runnel"), ("service.version", version), ("service.instance.id", "\(host)/\(getpid())"),
            ("host.name", host),
            ("telemetry.sdk.name", "runnel"), ("telemetry.sdk.language", "swift"), ("telemetry.sdk.version", version),
        ]
        var given = pairs(variables[Variable.resource] ?? "", of: Variable.resource, &warnings)
        if let service = variables[Variable.service] { given.append(("service.name", String(service.trimmed))) }
        for (key, value) in given.prefix(64) {
            resource.removeAll { $0.0 == key }
            resource.append((key, value))
        }
        return resource.map { (key: $0.0, value: $0.1) }
    }

    /// `key1=value1,key2=value2`, percent-encoded as W3C Baggage is.
    private static func pairs(
        _ text: String, of name: String, _ warnings: inout [String]
    ) -> [(name: String, value: String)] {
        text.split(separator: ",").compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                PercentDecoding.text(String($0).trimmed)
            }
            guard parts.count == 2, let key = parts[0], let value = parts[1], !key.isEmpty else {
                // The text may hold a credential.
                warnings.append("\(name): expected `name=value,name=value`; an entry that reads otherwise is left out")
                return nil
            }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                warnings.append(
                    "\(name): the value of \(Value.string(key).quoted(limit: 80)) holds a control character")
                return nil
            }
            return (key, value)
        }
    }

    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte) && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
            }
    }
}
