extension VideoModel {
    /// What `GET /models/{owner}/{name}` answers.
    func page(base: String) -> JSONValue {
        [
            "url": .string("https://replicate.com/\(fullName)"),
            "owner": .string(owner),
            "name": .string(name),
            "description": .string(description),
            "visibility": "public",
            "github_url": nil,
            "paper_url": nil,
            "license_url": nil,
            "run_count": 123_456,
            "cover_image_url": nil,
            "is_official": .bool(isOfficial),
            "default_example": nil,
            "latest_version": versionPage,
        ]
    }

    /// A version as `latest_version` and the list of versions show it.
    var versionPage: JSONValue {
        [
            "id": .string(version),
            "created_at": "2025-07-30T01:38:07.143000Z",
            "cog_version": "0.13.7",
            "openapi_schema": openAPISchema,
        ]
    }

    /// The OpenAPI document: inputs in their order, enums as schemas of their own.
    var openAPISchema: JSONValue {
        var schemas = JSONObject()
        var properties = JSONObject()
        for (order, field) in inputs.enumerated() {
            if let choices = field.choices { schemas[field.name] = choices }
            properties[field.name] = field.schema(order: order)
        }
        let required = inputs.filter(\.isRequired).map { JSONValue.string($0.name) }
        var input: [(String, JSONValue)] = [("type", "object"), ("title", "Input")]
        if !required.isEmpty { input.append(("required", .array(required))) }
        input.append(("properties", .object(properties)))
        schemas["Input"] = .object(input)
        schemas["Output"] = ["type": "string", "title": "Output", "format": "uri"]
        schemas["Status"] = [
            "enum": ["starting", "processing", "succeeded", "canceled", "failed"],
            "type": "string",
            "title": "Status",
            "description": "An enumeration.",
        ]
        return [
            "info": ["title": "Cog", "version": "0.1.0"],
            "paths": [:],
            "openapi": "3.0.2",
            "components": ["schemas": .object(schemas)],
        ]
    }
}

extension InputField {
    /// The schema that an enum refers to; nil for other types.
    fileprivate var choices: JSONValue? {
        let (type, values): (JSONValue, [JSONValue])
        switch kind {
        case .words(let words): (type, values) = ("string", words.map { .string($0) })
        case .numbers(let numbers): (type, values) = ("integer", numbers.map { .int($0) })
        default: return nil
        }
        return ["enum": .array(values), "type": type, "title": .string(name), "description": "An enumeration."]
    }

    fileprivate func schema(order: Int) -> JSONValue {
        var schema = JSONObject()
        switch kind {
        case .words, .numbers:
            schema["allOf"] = [["$ref": .string("#/components/schemas/\(name)")]]
        case .string: schema["type"] = "string"
        case .uri:
            schema["type"] = "string"
            schema["format"] = "uri"
        case .boolean: schema["type"] = "boolean"
        case .integer(let range):
            schema["type"] = "integer"
            if let range {
                schema["minimum"] = .int(range.lowerBound)
                schema["maximum"] = .int(range.upperBound)
            }
        }
        if choices == nil { schema["title"] = .string(title) }
        if let defaultValue { schema["default"] = defaultValue }
        schema["x-order"] = .int(order)
        schema["description"] = .string(description)
        return .object(schema)
    }

    /// `first_frame_image` is titled "First Frame Image".
    private var title: String {
        name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: " ")
    }
}
