import Glibc

/// One object for each thread, made on first use and freed when the thread ends.
struct ThreadSlot<Value: AnyObject>: Sendable {
    private let key: pthread_key_t

    init() {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { pointer in
            // Safe: only `value` below stores here, always a retained object.
            if let pointer { Unmanaged<AnyObject>.fromOpaque(pointer).release() }
        }
        precondition(result == 0, "no thread-specific key is left")
        self.key = key
    }

    func value(orMake make: () -> Value) -> Value {
        if let pointer = pthread_getspecific(key) {
            // Safe: stored below by this thread, retained until the thread ends.
            return Unmanaged<Value>.fromOpaque(pointer).takeUnretainedValue()
        }
        let value = make()
        let retained = Unmanaged.passRetained(value)
        if pthread_setspecific(key, retained.toOpaque()) != 0 { retained.release() }
        return value
    }
}
