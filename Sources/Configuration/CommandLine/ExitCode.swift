/// How the program ends. The numbers are part of its interface; 64, 69 and 78 are those of sysexits.h.
package enum ExitCode: Int32, Sendable, CaseIterable {
    case success = 0
    /// Something failed that no other number names; the message says what.
    case failure = 1
    /// The event or execution that was asked for is unknown, or its id alone is ambiguous.
    case notFound = 2
    /// The command line is wrong.
    case usage = 64
    /// The relay's API or the receiver does not answer.
    case unavailable = 69
    /// The configuration is wrong; every mistake was printed.
    case configuration = 78

    /// What the number says, for help texts.
    package var meaning: String {
        switch self {
        case .success: "Success."
        case .failure: "Failure; the message says what failed."
        case .notFound: "Not found, or more than one match."
        case .usage: "The command line is wrong."
        case .unavailable: "The other side cannot be reached or does not answer."
        case .configuration: "The configuration is wrong; every mistake is printed with its line."
        }
    }
}
