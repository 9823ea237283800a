// swift-tools-version: 6.2
import PackageDescription

/// The language settings of every target: one place, so that no target drifts.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  // Debug builds, and so all tests, check exclusive access at run time; the check costs a tenth of
  // a small call's CPU time.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
  // The targets are small and call each other in every call: code is inlined across them. The
  // compiler does that with `public` code only: the targets of a call's path say `public`, others
  // `package`, unless apps of other packages use them.
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// The domain's rules and their judges are optimised in the scripts' builds, because the Swift
/// tests spend most of their time in them. The checks stay the same: the package has no `assert`,
/// and preconditions, overflow and exclusive access are checked in optimised code as well.
let domainSettings =
  settings
  + (Context.environment["STREAKD_TEST_BUILD"] == nil ? [] : [.unsafeFlags(["-O"], .when(configuration: .debug))])

/// For targets that use C: every unsafe expression is marked in the source.
let fencedSettings = settings + [.strictMemorySafety()]

/// A module map over a system C library.
func systemModule(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// The programs that serve calls allocate with mimalloc. glibc's malloc caches seven free blocks of
/// a size; a connection with a hundred running calls needs a hundred. Measured: an eighth of a
/// small call's CPU time. Sanitizers bring an allocator of their own.
let allocator: [LinkerSetting] =
  Context.environment["STREAKD_SANITIZE"] == nil ? [.linkedLibrary("mimalloc", .when(platforms: [.linux]))] : []

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
  name: "streakd",
  products: [
    .executable(name: "streakd", targets: ["streakd"]),
    .executable(name: "streakctl", targets: ["streakctl"]),
    .executable(name: "streak", targets: ["streak"]),
    .library(name: "StreakClient", targets: ["StreakClient"]),
    .executable(name: "streak-harness", targets: ["streak-harness"]),
    .executable(name: "streak-load", targets: ["streak-load"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    // C libraries.
    systemModule("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
    systemModule("CLibpq", pkgConfig: "libpq", apt: "libpq-dev"),
    systemModule("CLibuv", pkgConfig: "libuv", apt: "libuv1-dev"),
    .systemLibrary(name: "CLinux"),
    systemModule("CNghttp2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev"),
    systemModule("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
    systemModule("CProtobufC", pkgConfig: "libprotobuf-c", apt: "libprotobuf-c-dev"),
    systemModule("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev"),
    systemModule("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    // Without pkg-config, whose flags for it SwiftPM refuses with a warning.
    .systemLibrary(name: "CUtf8proc", providers: [.apt(["libutf8proc-dev"])]),
    systemModule("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),

    // Runtime: nothing here knows about streaks.
    .target(name: "ProtobufCodec", dependencies: ["CProtobufC"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "EventLoop", dependencies: ["CLibuv"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(
      name: "TextNormalization", dependencies: ["CUtf8proc"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "Gzip", dependencies: ["CZlib"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "TLS", dependencies: ["COpenSSL"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "HTTP", dependencies: ["EventLoop", "TLS"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "HTTP1", dependencies: ["HTTP"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "HTTP2", dependencies: ["CNghttp2", "HTTP"], exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(name: "CGRPCSchema", dependencies: ["CProtobufC"]),
    .target(
      name: "GRPCSchema", dependencies: ["CGRPCSchema", "ProtobufCodec"], exclude: ["README.md"],
      swiftSettings: fencedSettings),
    .target(
      name: "RPC", dependencies: ["EventLoop", "GRPCSchema", "Gzip", "HTTP", "HTTP1", "HTTP2", "ProtobufCodec", "TLS"],
      exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(
      name: "Admin", dependencies: ["EventLoop", "HTTP", "HTTP1"], exclude: ["README.md"], swiftSettings: fencedSettings
    ),
    .target(
      name: "Postgres", dependencies: ["CLibpq", "EventLoop", deque], exclude: ["README.md"],
      swiftSettings: fencedSettings),

    // Random numbers of a seed, for load and tests.
    .target(name: "SplitMix", exclude: ["README.md"], swiftSettings: settings),
    .target(
      name: "ResumableDownload", dependencies: ["Cryptography"], exclude: ["README.md"], swiftSettings: settings),
    .target(name: "SQLite", dependencies: ["CSQLite"], exclude: ["README.md"], swiftSettings: fencedSettings),

    // The product.
    .target(name: "CSchema", dependencies: ["CGRPCSchema", "CProtobufC"]),
    .target(
      name: "Schema", dependencies: ["CSchema", "GRPCSchema", "ProtobufCodec", "RPC"], exclude: ["README.md"],
      swiftSettings: fencedSettings),
    .target(
      name: "StreakDomain", dependencies: ["Cryptography"], exclude: ["README.md"], swiftSettings: domainSettings),
    .target(
      name: "SchemaConversion", dependencies: ["GRPCSchema", "ProtobufCodec", "Schema", "StreakDomain"],
      exclude: ["README.md"], swiftSettings: settings),
    .target(
      name: "StreakStore", dependencies: ["Cryptography", "EventLoop", "Postgres", "StreakDomain", logging],
      exclude: ["README.md"], resources: [.embedInCode("Schema/baseline")], swiftSettings: settings),
    .target(name: "PrivateCluster", exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(
      name: "Cryptography", dependencies: ["COpenSSL", "CSodium"], exclude: ["README.md"], swiftSettings: fencedSettings
    ),
    .target(
      name: "Mail", dependencies: ["CCurl", "Cryptography", "PrivateCluster"], exclude: ["README.md"],
      swiftSettings: fencedSettings),
    .target(
      name: "Operations",
      dependencies: [
        "CLinux", "Cryptography", "GRPCSchema", "Postgres", "PrivateCluster", "ProtobufCodec", "Schema",
        "SchemaConversion", "StreakDomain", "StreakStore",
      ],
      exclude: ["README.md"], swiftSettings: fencedSettings),
    .target(
      name: "StreakServices",
      dependencies: [
        "Cryptography", "EventLoop", "GRPCSchema", "Mail", "ProtobufCodec", "RPC", "Schema", "SchemaConversion",
        "StreakDomain", "StreakStore", "TextNormalization", logging,
      ],
      exclude: ["README.md"], resources: [.embedInCode("Mail/Templates")], swiftSettings: settings),

    .target(
      name: "StreakClient",
      dependencies: [
        "Cryptography", "EventLoop", "GRPCSchema", "Gzip", "ProtobufCodec", "RPC", "ResumableDownload", "SQLite",
        "Schema", "SchemaConversion", "StreakDomain", "TLS",
      ],
      exclude: ["README.md"], swiftSettings: settings),

    // The app as one page, which streakd serves. The C target holds the page's files: SwiftPM's
    // `embedInCode` would make array literals of them, which take the compiler half a minute.
    .target(name: "CStreakWeb"),
    .target(
      name: "StreakWeb", dependencies: ["CStreakWeb", "Cryptography", "Gzip", "RPC"],
      exclude: ["Page", "README.md", "package.json"], swiftSettings: fencedSettings),

    // The settings and the metrics of streakd as tables, from which code and pages are made.
    .target(name: "ServerReference", exclude: ["README.md"], swiftSettings: settings),

    // Programs.
    .target(
      name: "ProgramSupport", dependencies: ["CLinux", "EventLoop", "HTTP", "RPC", "TLS", argumentParser],
      exclude: ["README.md"],
      swiftSettings: settings),
    .executableTarget(
      name: "streakd",
      dependencies: [
        "Admin", "Cryptography", "EventLoop", "GRPCSchema", "Mail", "Operations", "Postgres", "PrivateCluster",
        "ProgramSupport", "ProtobufCodec", "RPC", "Schema", "ServerReference", "StreakDomain", "StreakServices",
        "StreakStore", "StreakWeb", "TLS", argumentParser, logging,
      ],
      exclude: ["README.md"], swiftSettings: settings, linkerSettings: allocator),
    .executableTarget(
      name: "streakctl",
      dependencies: [
        "Cryptography", "EventLoop", "ResumableDownload", "GRPCSchema", "Operations", "Postgres", "PrivateCluster",
        "ProgramSupport", "ProtobufCodec", "RPC", "Schema", "StreakDomain", "StreakStore", argumentParser,
      ],
      exclude: ["README.md"], swiftSettings: settings),
    .executableTarget(
      name: "streak",
      dependencies: [
        "EventLoop", "ProgramSupport", "ProtobufCodec", "RPC", "StreakClient", "StreakDomain", "TLS", argumentParser,
      ],
      exclude: ["README.md"], swiftSettings: settings),
    .target(
      name: "StreakHarness",
      dependencies: ["Cryptography", "EventLoop", "GRPCSchema", "ProtobufCodec", "RPC", "Schema", "SplitMix"],
      exclude: ["README.md"], resources: [.embedInCode("Overlay/streak.v1.json")], swiftSettings: settings),
    .executableTarget(
      name: "streak-harness", dependencies: ["EventLoop", "ProgramSupport", "RPC", "StreakHarness", argumentParser],
      exclude: ["README.md"], swiftSettings: settings),
    .target(
      name: "StreakLoad",
      dependencies: [
        "CLinux", "Cryptography", "EventLoop", "GRPCSchema", "HTTP", "HTTP2", "Postgres", "ProtobufCodec", "RPC",
        "Schema", "SchemaConversion", "SplitMix", "StreakDomain", "TLS", deque,
      ],
      exclude: ["README.md"], swiftSettings: fencedSettings),
    .executableTarget(
      name: "streak-load", dependencies: ["EventLoop", "ProgramSupport", "StreakLoad", argumentParser],
      exclude: ["README.md"], swiftSettings: settings, linkerSettings: allocator),
    .executableTarget(
      name: "protoc-gen-streak", dependencies: ["ProtobufCodec"], path: "codegen/protoc-gen-streak",
      swiftSettings: settings),
    .executableTarget(
      name: "write-reference", dependencies: ["ServerReference"], path: "codegen/write-reference",
      swiftSettings: settings),

    // Tests, and code that only tests and benchmarks use.
    .target(
      name: "TestSupport", dependencies: ["Cryptography", "StreakDomain"], path: "Tests/TestSupport",
      swiftSettings: fencedSettings),
    .target(name: "CTestSchema", dependencies: ["CGRPCSchema", "CProtobufC", "CSchema"], path: "Tests/CTestSchema"),
    .target(
      name: "TestSchema", dependencies: ["CTestSchema", "GRPCSchema", "ProtobufCodec", "RPC"],
      path: "Tests/TestSchema",
      swiftSettings: fencedSettings),
    // The program in Sources/StreakClient/README.md.
    .executableTarget(name: "readme-app", dependencies: ["StreakClient"], path: "Tests/ReadmeApp"),
    .executableTarget(
      name: "echo-server", dependencies: ["EventLoop", "RPC", "TestSchema"], path: "Tests/EchoServer",
      swiftSettings: settings, linkerSettings: allocator),
    .executableTarget(
      name: "interop-server", dependencies: ["EventLoop", "ProtobufCodec", "RPC", "TLS", "TestSchema"],
      path: "Tests/InteropServer", swiftSettings: settings),
    .executableTarget(
      name: "connect-conformance-server",
      dependencies: ["EventLoop", "GRPCSchema", "ProtobufCodec", "RPC", "TLS", "TestSchema"],
      path: "Tests/ConformanceServer", swiftSettings: settings, linkerSettings: allocator),
    .testTarget(
      name: "ProtobufCodecTests",
      dependencies: ["GRPCSchema", "ProtobufCodec", "SplitMix", "TestSchema", "TestSupport"],
      exclude: ["differential.py"], swiftSettings: settings),
    .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "SplitMix"], swiftSettings: settings),
    .testTarget(
      name: "TextNormalizationTests", dependencies: ["SplitMix", "TextNormalization"], swiftSettings: settings),
    .testTarget(name: "GzipTests", dependencies: ["Gzip"], swiftSettings: settings),
    .target(
      name: "FuzzTargets",
      dependencies: ["EventLoop", "HTTP", "HTTP1", "HTTP2", "ProtobufCodec", "RPC", "Schema", "TestSchema"],
      path: "Tests/FuzzTargets", swiftSettings: settings),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets", "SplitMix", "TestSupport"],
      resources: [.copy("Findings"), .copy("Seeds")],
      swiftSettings: settings),
    .testTarget(name: "TLSTests", dependencies: ["TLS"], swiftSettings: settings),
    // Judges ours in tests.
    .systemLibrary(
      name: "CHTTPParser", path: "Tests/CHTTPParser",
      providers: [.apt(["libhttp-parser-dev"])]),
    .testTarget(
      name: "HTTP1Tests", dependencies: ["CHTTPParser", "HTTP", "HTTP1", "SplitMix", "TestSupport"],
      swiftSettings: settings),
    .testTarget(name: "HTTP2Tests", dependencies: ["HTTP", "HTTP2"], swiftSettings: settings),
    .testTarget(
      name: "RPCTests",
      dependencies: [
        "EventLoop", "GRPCSchema", "Gzip", "HTTP", "HTTP2", "ProtobufCodec", "RPC", "SplitMix", "TestSchema",
        "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(name: "StreakWebTests", dependencies: ["RPC", "StreakWeb"], swiftSettings: settings),
    .testTarget(name: "AdminTests", dependencies: ["Admin", "EventLoop", "HTTP", "HTTP1"], swiftSettings: settings),
    .testTarget(
      name: "PostgresTests", dependencies: ["EventLoop", "Postgres", "TestSupport"], swiftSettings: settings),
    .testTarget(name: "PrivateClusterTests", dependencies: ["PrivateCluster"], swiftSettings: settings),
    .testTarget(name: "ProgramSupportTests", dependencies: ["ProgramSupport"], swiftSettings: settings),
    .testTarget(
      name: "OperationsTests",
      dependencies: ["Cryptography", "GRPCSchema", "Operations", "Schema", "StreakDomain", "StreakStore"],
      swiftSettings: settings),
    .testTarget(
      name: "StreakHarnessTests", dependencies: ["ProtobufCodec", "RPC", "Schema", "StreakHarness"],
      swiftSettings: settings),
    .testTarget(
      name: "StreakLoadTests", dependencies: ["EventLoop", "ProtobufCodec", "SplitMix", "StreakLoad"],
      exclude: ["reference.py"],
      swiftSettings: settings),
    .testTarget(name: "MailTests", dependencies: ["Mail", "TestSupport"], swiftSettings: settings),
    .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "StreakDomainTests", dependencies: ["SplitMix", "StreakDomain", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "Cryptography", "GRPCSchema", "ProtobufCodec", "RPC", "Schema", "SchemaConversion", "SplitMix", "StreakClient",
        "StreakDomain", "TestSupport",
      ],
      path: "Tests/Simulation", swiftSettings: domainSettings),
    .testTarget(name: "SQLiteTests", dependencies: ["SQLite"], swiftSettings: settings),
    .testTarget(
      name: "StreakClientTests",
      dependencies: [
        "GRPCSchema", "Gzip", "ProtobufCodec", "RPC", "SQLite", "Schema", "SplitMix", "StreakClient", "StreakDomain",
        "TestSupport",
      ],
      exclude: ["Import/Fixtures"], swiftSettings: settings),
    .testTarget(
      name: "StreakStoreTests",
      dependencies: [
        "Cryptography", "EventLoop", "Postgres", "SplitMix", "StreakDomain", "StreakStore", "TestSupport", logging,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "StreakServicesTests",
      dependencies: [
        "Cryptography", "EventLoop", "GRPCSchema", "Mail", "ProtobufCodec", "RPC", "Schema", "SchemaConversion",
        "SplitMix", "StreakDomain", "StreakServices", "StreakStore", "TestSupport",
      ],
      swiftSettings: settings),
  ]
)

// libFuzzer is linked by the compiler's own switch, which only the fuzzer's build gives
// (scripts/check --fuzz).
if Context.environment["STREAKD_SANITIZE"] == "fuzzer" {
  package.targets.append(
    .executableTarget(name: "fuzzer", dependencies: ["FuzzTargets"], path: "Tests/Fuzzer", swiftSettings: settings))
}
