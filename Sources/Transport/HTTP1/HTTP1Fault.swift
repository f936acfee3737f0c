/// A message that breaks HTTP/1.1 or a limit: what a server answers before it closes the connection.
struct HTTP1Fault: Error {
    var status: Int
    var message: String

    init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}
