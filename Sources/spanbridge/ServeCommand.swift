import Bridge
import Configuration
import Dispatch
import Glibc
import Transport

/// `spanbridge serve`: runs the relay until SIGTERM or SIGINT.
struct ServeCommand {
    var settings: Invocation.Settings
    var environment: [String: String]

    func run() -> ExitCode {
        guard let configuration = load(settings, environment) else { return .configuration }
        do {
            let bridge = try Bridge(configuration: configuration)
            let signals = try EventLoop(name: "signals")
            let ended = DispatchSemaphore(value: 0)
            let watcher = SignalWatcher(loop: signals) { signal in
                if signal != SIGHUP { ended.signal() }
            }
            signals.start()
            try bridge.start()
            for (listener, address) in bridge.addresses { print("\(listener) \(address)") }
            // A reader of a pipe must not wait for a full buffer.
            fflush(nil)
            ended.wait()
            bridge.stop(patience: 10_000_000_000)
            watcher.close()
            signals.stop()
            return .success
        } catch {
            complain("spanbridge cannot start: \(error)")
            return .failure
        }
    }
}

/// `spanbridge check-config`: says what is wrong with a configuration, all of it.
struct CheckConfigCommand {
    var settings: Invocation.Settings
    var environment: [String: String]

    func run() -> ExitCode {
        guard load(settings, environment) != nil else { return .configuration }
        print("The configuration is correct.")
        return .success
    }
}

/// Reads the configuration and prints every mistake in it; nil if one of them is an error.
private func load(_ settings: Invocation.Settings, _ environment: [String: String]) -> Configuration? {
    var text: [UInt8]?
    if let file = settings.file {
        do {
            text = try ConfigurationFile.read(file)
        } catch {
            complain(error.message)
            return nil
        }
    }
    let (configuration, diagnostics) = Configuration.load(
        text, path: settings.file, environment: environment, overrides: settings.overrides)
    diagnostics.forEach { complain($0.description) }
    return diagnostics.contains { $0.severity == .error } ? nil : configuration
}
