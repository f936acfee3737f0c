import OTLP

/// What Kestra's webhook answers: the execution that the call started. Newer versions answer with a record of their own,
/// older ones with the whole execution; both have these members.
package struct WebhookAnswer: Sendable, Hashable {
    package var executionID: String
    /// Kestra's tenant.
    package var tenant: String?
    package var namespace: String?
    package var flow: String?

    package init(executionID: String, tenant: String? = nil, namespace: String? = nil, flow: String? = nil) {
        self.executionID = executionID
        self.tenant = tenant
        self.namespace = namespace
        self.flow = flow
    }

    /// Longest id and name, in bytes.
    static let textLimit = 256

    /// Reads an answer's body; nil if it is no whole JSON object or its `id` is none of Kestra's (letters, digits, `-` and
    /// `_`). Names that are no text or too long count as absent.
    package static func parse(_ body: [UInt8]) -> WebhookAnswer? {
        var reader = JSONReader(body, depthLimit: 64, replacesLoneSurrogates: true)
        guard let texts = try? texts(&reader), let id = texts["id"], isExecutionID(id) else { return nil }
        return WebhookAnswer(
            executionID: id, tenant: texts["tenantId"], namespace: texts["namespace"], flow: texts["flowId"])
    }

    /// The members that are wanted; of duplicates the last counts.
    private static func texts(_ reader: inout JSONReader) throws(JSONError) -> [String: String] {
        var found: [String: String] = [:]
        try reader.beginObject()
        while let key = try reader.nextKey() {
            let name = key.count <= 16 ? reader.text(key) : ""
            guard ["id", "tenantId", "namespace", "flowId"].contains(name) else {
                try reader.skipValue()
                continue
            }
            found[name] = nil
            guard try reader.peek() == .string else {
                try reader.skipValue()
                continue
            }
            let value = try reader.string()
            // An escaped text is at most six times as long as what it says.
            if value.count <= textLimit * 6 {
                let text = reader.text(value)
                if (1...textLimit).contains(text.utf8.count) { found[name] = text }
            }
        }
        try reader.finish()
        return found
    }

    private static func isExecutionID(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
