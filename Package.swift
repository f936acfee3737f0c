// swift-tools-version: 6.3
import PackageDescription

// Settings of every target: Swift 6 language mode, warnings are errors.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]
// Wire lends views of bytes it does not own, which needs lifetime annotations.
let wireSettings = settings + [.enableExperimentalFeature("Lifetimes")]

// Programs bring the Swift runtime with them: they run where no Swift is, in less memory and time than with its libraries.
let runtimeWithin: [LinkerSetting] = [.unsafeFlags(["-static-stdlib"])]

func library(_ name: String, _ dependencies: [Target.Dependency], settings own: [SwiftSetting] = settings) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: own)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

func system(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
    name: "spanbridge",
    products: [
        .executable(name: "spanbridge", targets: ["spanbridge"]),
        .executable(name: "spanbridge-bench", targets: ["spanbridge-bench"]),
    ],
    targets: [
        system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        system("CProtobufC", pkgConfig: "libprotobuf-c", apt: "libprotobuf-c-dev"),
        system("CNghttp2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev"),
        system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        system("CUV", pkgConfig: "libuv", apt: "libuv1-dev"),
        system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        system("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        system("CDeflate", pkgConfig: "libdeflate", apt: "libdeflate-dev"),
        system("CISAL", pkgConfig: "libisal", apt: "libisal-dev"),
        system("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        .target(name: "COTLP", dependencies: ["CProtobufC"]),
        .target(name: "CAllocationCount"),

        library("Wire", [], settings: wireSettings),
        library("OTLP", ["Wire", "COTLP", "CProtobufC"], settings: wireSettings),
        library("Correlation", ["Wire", "OTLP", "COpenSSL"]),
        library("Journal", ["OTLP", "CSQLite", "CDeflate"]),
        library("Timeline", ["OTLP"]),
        library("Metrics", []),
        library("Transport", ["Wire", "CUV", "CNghttp2", "COpenSSL", "CZlib", "CDeflate", "CISAL", "CZstd"]),
        library("Receivers", ["OTLP", "Transport"]),
        library("Exporters", ["Wire", "OTLP", "Metrics", "Transport"]),
        library("QueryAPI", ["OTLP", "Timeline", "Metrics", "Transport"]),
        library("Enrichment", ["Wire", "OTLP", "Metrics", "Transport"]),
        library("Configuration", ["CYAML"]),
        library(
            "Bridge",
            [
                "OTLP", "Correlation", "Journal", "Timeline", "Metrics", "Transport", "Receivers", "Exporters",
                "QueryAPI", "Enrichment", "Configuration",
            ]),
        .executableTarget(
            name: "spanbridge",
            dependencies: ["Bridge", "Configuration", "Journal", "OTLP", "Timeline", "Transport"],
            swiftSettings: settings,
            linkerSettings: runtimeWithin),
        .executableTarget(
            name: "spanbridge-bench",
            dependencies: ["Wire", "OTLP", "Correlation", "Journal", "Transport", "Receivers", "CAllocationCount"],
            exclude: ["requirements.txt"],
            swiftSettings: settings,
            linkerSettings: runtimeWithin),

        tests("WireTests", ["Wire"]),
        tests("OTLPTests", ["OTLP", "Wire", "COTLP", "CProtobufC"], resources: [.copy("Golden")]),
        .target(
            name: "Scenarios", dependencies: ["OTLP"], path: "Tests/Scenarios", exclude: ["Cases"],
            swiftSettings: settings),
        // Random worlds for tests and the soak.
        .target(
            name: "CorrelationModel", dependencies: ["Correlation", "OTLP"], path: "Tests/CorrelationModel",
            swiftSettings: settings),
        tests("CorrelationTests", ["Correlation", "CorrelationModel", "OTLP", "Scenarios"]),
        tests("JournalTests", ["Journal", "OTLP"]),
        tests("TimelineTests", ["Timeline", "OTLP"]),
        tests("MetricsTests", ["Metrics"]),
        tests("TransportTests", ["Transport", "COpenSSL", "CZlib"]),
        tests("ReceiversTests", ["Receivers", "OTLP", "Transport"]),
        tests("ExportersTests", ["Exporters", "OTLP", "Metrics", "Transport"]),
        tests("QueryAPITests", ["QueryAPI", "OTLP", "Timeline", "Transport"]),
        tests("EnrichmentTests", ["Enrichment", "OTLP", "Metrics", "Transport"]),
        tests("ConfigurationTests", ["Configuration"]),
        tests(
            "BridgeTests",
            [
                "Bridge", "Configuration", "Correlation", "Enrichment", "Exporters", "OTLP", "QueryAPI", "Timeline",
                "Transport",
            ]),
        tests("EndToEndTests", ["OTLP", "Transport", "Scenarios"], exclude: ["Captures", "Peers"]),
    ]
)

// Fuzz targets are built only on demand: .ci/fuzz sets the variable.
if Context.environment["SPANBRIDGE_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "spanbridge-fuzz",
            dependencies: ["Wire", "OTLP", "Correlation", "Transport", "Exporters", "Configuration"],
            path: "Tests/Fuzz",
            exclude: ["Corpus"],
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]))
}

// The long random test is built only on demand: `make soak` and .ci/test set the variable.
if Context.environment["SPANBRIDGE_SOAK"] != nil {
    package.targets.append(
        .executableTarget(
            name: "spanbridge-soak", dependencies: ["CorrelationModel"], path: "Tests/Soak", swiftSettings: settings))
}
