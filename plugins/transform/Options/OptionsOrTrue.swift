import RunnelKit

/// `true`, or an object with options.
struct OptionsOrTrue<Options: FieldGroup>: FieldValue {
    let options: Options

    static var schema: Value { ["anyOf": [["const": true], Options.schema]] }

    init(field value: Value) throws(FieldError) {
        if value == true {
            options = try Options(fields: [:])
        } else if let object = value.asObject {
            options = try Options(fields: object)
        } else {
            throw .expected("true or an object with options", found: value)
        }
    }
}
