/// Why a text is no value of its kind: a sentence's end, such as "needs a unit, as in 10s".
package struct Mistake: Error, Sendable, Equatable {
    package var message: String

    package init(_ message: String) {
        self.message = message
    }
}
