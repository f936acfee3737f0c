/// Where a setting was written. A flag beats the environment, the environment beats the file.
package enum Origin: Sendable, Hashable {
    /// In the configuration file; both count from 1, columns in characters.
    case file(line: Int, column: Int)
    /// In the environment variable of this name.
    case environment(String)
    /// In the flag `--set PATH=…` with this path.
    case flag(String)
    /// Nowhere: the default holds.
    case builtIn
}
