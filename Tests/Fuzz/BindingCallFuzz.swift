import OTLP

extension FuzzTarget {
    /// The body of `POST /v1/bindings`.
    static let bindingCall = FuzzTarget(name: "binding-call") { bytes in
        guard let call = try? BindingCall.parse(bytes) else { return }
        guard let again = try? BindingCall.decode(call.encode()) else { fatalError("what is stored cannot be read") }
        require(again == call, "a call is read back as another")
    }
}
