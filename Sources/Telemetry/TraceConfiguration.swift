package import RunnelEngine
package import RunnelHTTP
import RunnelKit
internal import RunnelSupport

/// Where traces are sent and what is in them: `traces:` of `runnel.yaml`, and the variables of OpenTelemetry that win over
/// it.
package struct TraceConfiguration: Sendable {
    /// The whole URL.
    package var endpoint: HTTPURL
    package var format = TraceSettings.Format.json
    package var headers: [(name: String, value: String)]
    /// For one request.
    package var timeout: Duration
    /// What names this program in each trace.
    package var resource: [(key: String, value: String)]
    package var recordsContent: Bool
    /// The share of the traces that begin here and are recorded, from 0 to 1.
    package var sample: Double

    package init(
        endpoint: HTTPURL, headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(10),
        resource: [(key: String, value: String)] = [("service.name", "runnel")], recordsContent: Bool = false,
        sample: Double = 1
    ) {
        (self.endpoint, self.headers, self.timeout) = (endpoint, headers, timeout)
        (self.resource, self.recordsContent, self.sample) = (resource, recordsContent, sample)
    }

    /// The variables that are read.
    private enum Variable {
        static let disabled = "OTEL_SDK_DISABLED"
        static let exporter = "OTEL_TRACES_EXPORTER"
        static let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
        static let tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
        static let headers = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]
        static let formats = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]
        static let timeout = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]
        static let service = "OTEL_SERVICE_NAME"
        static let resource = "OTEL_RESOURCE_ATTRIBUTES"
    }

    /// Reads settings and variables.
    ///
    /// - Parameters:
    ///   - headers: `traces.headers`, fetched.
    ///   - environment: An empty variable counts as one that is not set.
    ///   - warnings: A sentence for each variable that cannot be used; it is left out then, as OpenTelemetry asks for.
    /// - Returns: nil where no receiver is named, or tracing is switched off.
    package static func resolve(
        _ settings: TraceSettings, headers: [String: String], environment: [String: String], version: String,
        host: String, warnings: inout [String]
    ) -> TraceConfiguration? {
        let variables = environment.filter { !$0.value.trimmed.isEmpty }
        guard variables[Variable.disabled]?.lowercased() != "true", variables[Variable.exporter] != "none" else {
            return nil
        }
        guard let endpoint = endpoint(settings, variables, &warnings) else { return nil }
        var configuration = TraceConfiguration(endpoint: endpoint)
        configuration.headers = headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if let name = Variable.headers.first(where: { variables[$0] != nil }) {
            configuration.headers = pairs(variables[name] ?? "", of: name, &warnings).filter { name, _ in
                guard !isToken(name) else { return true }
                warnings.append("\(Variable.headers[1]): \(Value.string(name).quoted(limit: 80)) is not a header name")
                return false
            }
        }
        if let name = Variable.timeout.first(where: { variables[$0] != nil }) {
            if let milliseconds = Int(variables[name]?.trimmed ?? ""), (1...600_000).contains(milliseconds) {
                configuration.timeout = .milliseconds(milliseconds)
            } else {
                warnings.append(
                    "\(name): expected milliseconds from 1 to 600000, found \(Value.string(variables[name] ?? "").quoted(limit: 80))"
                )
            }
        }
        configuration.format = format(settings, variables, &warnings)
        configuration.recordsContent = settings.content
        configuration.sample = settings.sample
        configuration.resource = resource(variables, version: version, host: host, &warnings)
        return configuration
    }

    private static func endpoint(
        _ settings: TraceSettings, _ variables: [String: String], _ warnings: inout [String]
    ) -> HTTPURL? {
        let own = settings.endpoint?.text
        let text: String
        let name: String
        if let whole = variables[Variable.tracesEndpoint] {
            // By the specification this one is taken as it is.
            (text, name) = (String(whole.trimmed), Variable.tracesEndpoint)
        } else if let base = variables["RUNNEL_TRACES_ENDPOINT"] == nil ? variables[Variable.endpoint] : nil {
            (text, name) = (adding(to: String(base.trimmed)), Variable.endpoint)
        } else if let own {
            (text, name) = (own.hasSuffix("/v1/traces") ? own : adding(to: own), "traces.endpoint")
        } else {
            return nil
        }
        do {
            return try HTTPURL(text)
        } catch {
            warnings.append("\(name) is not a URL that traces can be sent to: \(error.message)")
            return nil
        }
    }

    private static func format(
        _ settings: TraceSettings, _ variables: [String: String], _ warnings: inout [String]
    ) -> TraceSettings.Format {
        guard let name = Variable.formats.first(where: { variables[$0] != nil }), let value = variables[name]?.trimmed
        else { return settings.format }
        switch value {
        case "http/json": return .json
        case "http/protobuf": return .protobuf
        default:
            warnings.append(
                "\(name): Runnel sends `http/json` and `http/protobuf`, not \(Value.string(String(value)).quoted(limit: 80))"
            )
            return settings.format
        }
    }

    private static func adding(to base: String) -> String {
        (base.hasSuffix("/") ? String(base.dropLast()) : base) + "/v1/traces"
    }

    private static func resource(
        _ variables: [String: String], version: String, host: String, _ warnings: inout [String]
    ) -> [(key: String, value: String)] {
        var resource = [
            ("service.name", "runnel"), ("service.version", version), ("host.name", host),
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
