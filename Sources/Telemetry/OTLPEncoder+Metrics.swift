package import RunnelEngine
package import RunnelKit

/// Metrics: counters as monotonic sums, histograms with explicit bounds, both cumulative since the process began to measure.
extension OTLPEncoder {
    /// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
    private static let cumulative: Value = 2

    /// - Parameters:
    ///   - start: When the process began to measure, in nanoseconds since 1970, as is `now`.
    ///   - now: When the values were read.
    package func request(_ families: [MetricFamily], start: Int64, now: Int64) -> Value {
        [
            "resourceMetrics": [
                [
                    "resource": resource,
                    "scopeMetrics": [
                        ["scope": scope, "metrics": .list(families.map { metric($0, start: start, now: now) })]
                    ],
                ]
            ]
        ]
    }

    private func metric(_ family: MetricFamily, start: Int64, now: Int64) -> Value {
        var object: ValueObject = ["name": .string(family.name)]
        object["description"] = family.help.map { .string($0) }
        object["unit"] = family.unit.map { .string($0) }
        let points = Value.list(
            family.series.map { series in
                var point: ValueObject = ["attributes": attributes(series), "timeUnixNano": .string("\(now)")]
                // A gauge has no beginning.
                if family.kind != .gauge { point["startTimeUnixNano"] = .string("\(start)") }
                guard family.kind == .histogram else {
                    point["asDouble"] = Self.double(series.value)
                    return .object(point)
                }
                point["count"] = .string("\(series.count)")
                point["sum"] = Self.double(series.value)
                let above = series.count - series.buckets.reduce(0, +)
                point["bucketCounts"] = .list((series.buckets + [above]).map { .string("\($0)") })
                point["explicitBounds"] = .list(family.bounds.map { .double($0) })
                return .object(point)
            })
        switch family.kind {
        case .counter:
            object["sum"] = ["dataPoints": points, "aggregationTemporality": Self.cumulative, "isMonotonic": true]
        case .gauge: object["gauge"] = ["dataPoints": points]
        case .histogram: object["histogram"] = ["dataPoints": points, "aggregationTemporality": Self.cumulative]
        }
        return .object(object)
    }

    private func attributes(_ series: MetricFamily.Series) -> Value {
        .list(series.labels.map { ["key": .string($0.0), "value": ["stringValue": .string(text($0.1))]] })
    }
}

extension MetricFamily {
    /// The unit that the name says, as UCUM writes it.
    fileprivate var unit: String? {
        if name.hasSuffix("_seconds") || name.hasSuffix("_seconds_total") { return "s" }
        return name.hasSuffix("_bytes") ? "By" : nil
    }
}
