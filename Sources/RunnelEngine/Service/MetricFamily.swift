/// The metrics of one name at one moment: what the text for Prometheus and exports to other receivers are made of.
package struct MetricFamily: Sendable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// The values with one combination of labels.
    package struct Series: Sendable {
        /// Names and values.
        package let labels: [(String, String)]
        /// Of a histogram, the sum of the values.
        package let value: Double
        /// The number of values of a histogram.
        package let count: Int
        /// How many values of a histogram each bucket has got, not cumulated. What is above the last bound is in none.
        package let buckets: [Int]

        package init(labels: [(String, String)] = [], value: Double, count: Int = 0, buckets: [Int] = []) {
            (self.labels, self.value, self.count, self.buckets) = (labels, value, count, buckets)
        }
    }

    package let name: String
    package let help: String?
    package let kind: Kind
    /// The upper bounds of the buckets of a histogram.
    package let bounds: [Double]
    package let series: [Series]

    package init(name: String, help: String?, kind: Kind, bounds: [Double] = [], series: [Series]) {
        (self.name, self.help, self.kind, self.bounds, self.series) = (name, help, kind, bounds, series)
    }
}
