/// Task classes as a person calls them.
enum TaskText {
    /// The last package and the class: `log.Log` of `io.kestra.plugin.core.log.Log`.
    static func short(_ type: String) -> String {
        let parts = type.split(separator: ".", omittingEmptySubsequences: true)
        return parts.count > 2 ? parts.suffix(2).joined(separator: ".") : type
    }
}
