import Configuration
import Synchronization
import Transport

/// The TLS contexts of all listeners and exporters that have one, each with the place of its settings.
final class TLSContexts: Sendable {
    private struct Named: Sendable {
        /// Such as `api.tls`, and the keys of its files.
        var section: String
        var authoritiesKey: String
        var context: TLSContext

        func message(_ error: TLSContextError) -> String { describe(error, section, authoritiesKey) }
    }

    /// Between two looks at the files.
    private static let interval: UInt64 = 5_000_000_000

    let grpc: TLSContext?
    let http: TLSContext?
    let api: TLSContext?
    /// For asking the Kestra API.
    let kestra: TLSContext?
    private let named: [Named]
    private let exporters: [String: TLSContext]
    /// Towards the webhooks that events are forwarded to.
    let forwarding: TLSContext?
    private let nextLook = Atomic<UInt64>(0)

    /// Reads all certificates and keys.
    ///
    /// - Throws: one cannot be used; the message names the file and the key.
    init(_ configuration: Configuration) throws(BridgeError) {
        var named: [Named] = []
        func listener(_ section: String, _ tls: Configuration.ListenerTLS?) throws(BridgeError) -> TLSContext? {
            guard let tls, let certificate = tls.certFile, let key = tls.keyFile else { return nil }
            do throws(TLSContextError) {
                let context = try TLSContext.server(
                    TLSContext.ServerFiles(
                        certificate: certificate, key: key, clientAuthorities: tls.clientCAFile))
                named.append(Named(section: section, authoritiesKey: "client_ca_file", context: context))
                return context
            } catch { throw BridgeError(description: describe(error, section, "client_ca_file")) }
        }
        let protocols = configuration.receivers.otlp.protocols
        grpc = try listener("receivers.otlp.protocols.grpc.tls", protocols.grpc == nil ? nil : protocols.grpcTLS)
        http = try listener("receivers.otlp.protocols.http.tls", protocols.http == nil ? nil : protocols.httpTLS)
        api = try listener("api.tls", configuration.api.tls)
        func client(_ section: String, _ tls: Configuration.TLS?) throws(BridgeError) -> TLSContext {
            do throws(TLSContextError) {
                let context = try TLSContext.client(TLSContext.ClientFiles(tls ?? Configuration.TLS()))
                named.append(Named(section: section, authoritiesKey: "ca_file", context: context))
                return context
            } catch { throw BridgeError(description: describe(error, section, "ca_file")) }
        }
        var exporters: [String: TLSContext] = [:]
        for exporter in configuration.exporters where exporter.usesTLS {
            exporters[exporter.name] = try client("exporters.\(exporter.name).tls", exporter.tls)
        }
        if let api = configuration.enrichment.kestraAPI, api.usesTLS {
            kestra = try client("enrichment.kestra_api.tls", api.tls)
        } else {
            kestra = nil
        }
        self.exporters = exporters
        if let settings = configuration.cloudEvents.forwardTo, settings.usesTLS {
            let section = "cloudevents.forward_to.tls"
            do throws(TLSContextError) {
                let context = try TLSContext.client(TLSContext.ClientFiles(settings.tls ?? Configuration.TLS()))
                named.append(Named(section: section, authoritiesKey: "ca_file", context: context))
                forwarding = context
            } catch { throw BridgeError(description: describe(error, section, "ca_file")) }
        } else {
            forwarding = nil
        }
        self.named = named
    }

    /// The context of an exporter, if it uses TLS at all.
    func context(of exporter: Configuration.Exporter) -> TLSContext? { exporters[exporter.name] }

    /// Reads changed files again, if it is time to look. `now` is of the event loops' clock.
    func reloadIfChanged(now: UInt64, log: Log) {
        guard now >= nextLook.load(ordering: .relaxed) else { return }
        nextLook.store(now &+ Self.interval, ordering: .relaxed)
        for named in named {
            do throws(TLSContextError) {
                if try named.context.reloadIfChanged() {
                    log.info("Changed certificate files were read again", ("settings", named.section))
                }
            } catch {
                log.limited(
                    .error, "Changed certificate files cannot be used; those from before stay in use",
                    ("error", named.message(error)))
            }
        }
    }
}

/// An error with the configuration key of the file that is at fault.
private func describe(_ error: TLSContextError, _ section: String, _ authoritiesKey: String) -> String {
    let key =
        switch error.part {
        case .certificate: "cert_file"
        case .key: "key_file"
        case .authorities: authoritiesKey
        }
    return "\(section).\(key): \(error)"
}

extension TLSContext.ClientFiles {
    init(_ tls: Configuration.TLS) {
        self.init()
        authorities = tls.caFile
        certificate = tls.certFile
        key = tls.keyFile
        serverName = tls.serverNameOverride
        skipsVerification = tls.insecureSkipVerify
    }
}
