/// A document, or a part of one with an `$id` of its own: what relative references and anchors count from.
struct SchemaResource {
    let uri: URIReference
    let location: SchemaLocation
    let dialect: Dialect
    var anchors: [String: SchemaLocation] = [:]
    var dynamicAnchors: [String: SchemaLocation] = [:]
}
