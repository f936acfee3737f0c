/// One key that a configuration may have, as `Configuration.schema` lists it.
package struct ConfigurationKey: Sendable, Hashable {
    /// Such as `journal.retention.age`; names that the user chooses are in capitals.
    package var path: String
    /// What a value looks like: `duration`, `size`, `one of fsync, memory`, …
    package var kind: String
    /// The default as it would be written; empty if there is none.
    package var defaultText: String

    /// The environment variable that sets the key.
    package var environmentName: String { Self.environmentName(of: path) }

    /// `SPANBRIDGE_` and the path in capitals, everything but letters and digits as `_`.
    static func environmentName(of path: String) -> String {
        let bytes = path.uppercased().utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return "SPANBRIDGE_" + String(decoding: bytes, as: UTF8.self)
    }
}
