// swift-tools-version: 6.2
import PackageDescription

/// Networks and minutes of sound in virtual time, which tests wait for: optimised in all builds.
let optimisedTestKit: [SwiftSetting] = [
    .unsafeFlags(["-O"], .when(configuration: .debug))
]

let package = Package(
    name: "vc",
    products: [
        .executable(name: "vc", targets: ["vc"]),
        .executable(name: "vc-signal", targets: ["vc-signal"]),
        .executable(name: "vc-relay", targets: ["vc-relay"]),
        .library(name: "VCCore", targets: ["VCCore"]),
        .library(name: "VCAudio", targets: ["VCAudio"]),
        .library(name: "VCNet", targets: ["VCNet"]),
        .library(name: "VCSignaling", targets: ["VCSignaling"]),
        .library(name: "VCRelay", targets: ["VCRelay"]),
        // The sound card of the tests, under the name by which alsa-lib finds a plugin.
        .library(
            name: "asound_module_pcm_vcfixture", type: .dynamic, targets: ["ALSAFixture"]),
        // A LADSPA plugin of the tests.
        .library(name: "vc_plugin_fixture", type: .dynamic, targets: ["PluginFixture"]),
    ],
    targets: [
        // System libraries: one module map and one header each, no logic. Those without pkgConfig
        // are linked from their archives (the module map says which): fewer libraries to load is
        // less memory for each process.
        .systemLibrary(name: "COpus", providers: [.apt(["libopus-dev"])]),
        .systemLibrary(
            name: "CSodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CALSA", pkgConfig: "alsa", providers: [.apt(["libasound2-dev"])]),
        // Only their headers: these libraries are loaded at run time, so they must not come in
        // through pkg-config.
        .systemLibrary(name: "CSndFile", providers: [.apt(["libsndfile1-dev"])]),
        .systemLibrary(name: "CNATPMP", providers: [.apt(["libnatpmp-dev"])]),
        .systemLibrary(name: "CMiniUPnPc", providers: [.apt(["libminiupnpc-dev"])]),
        .systemLibrary(
            name: "CSpeexDSP", providers: [.apt(["libspeexdsp-dev"])]),
        .systemLibrary(name: "CNcurses", providers: [.apt(["libncurses-dev"])]),
        .systemLibrary(name: "CINIH", providers: [.apt(["libinih-dev"])]),
        .target(name: "CVCLinux", cSettings: [.define("_GNU_SOURCE")]),
        // Compiled for whichever version of libwebrtc-audio-processing has its headers here, or for
        // none; the library is loaded at run time. Its headers include each other from folders of
        // their own, which may be missing and which only such flags can name.
        .target(
            name: "CVCProcessing",
            cxxSettings: [
                .unsafeFlags([
                    "-isystem", "/usr/include/webrtc-audio-processing-1",
                    "-isystem", "/usr/include/webrtc_audio_processing",
                ])
            ]),
        // The interface of LADSPA plugins: types only.
        .systemLibrary(name: "CLADSPA"),

        // The product. Imports only point down.
        .target(name: "VCCore", dependencies: ["CSodium"]),
        .target(
            name: "VCAudio",
            dependencies: [
                "VCCore", "COpus", "CALSA", "CSndFile", "CSpeexDSP", "CVCLinux", "CVCProcessing",
                "CLADSPA",
            ]),
        .target(name: "VCNet", dependencies: ["VCCore", "CVCLinux"]),
        // How the programs explain themselves.
        .target(name: "VCHelp"),
        .target(
            name: "VCPortMap",
            dependencies: ["VCCore", "VCNet", "CNATPMP", "CMiniUPnPc", "CVCLinux"]),
        .target(
            name: "VCSignaling", dependencies: ["VCCore", "VCNet", "VCHelp"],
            path: "Signaling/VCSignaling"),
        .executableTarget(
            name: "vc-signal", dependencies: ["VCSignaling", "VCHelp", "VCCore", "VCNet"],
            path: "Signaling/vc-signal"),
        .target(
            name: "VCRelay", dependencies: ["VCCore", "VCNet", "VCHelp", "CVCLinux"],
            path: "Relay/VCRelay"),
        .executableTarget(
            name: "vc-relay", dependencies: ["VCRelay", "VCHelp", "VCCore", "VCNet"],
            path: "Relay/vc-relay"),
        .executableTarget(
            name: "vc",
            dependencies: [
                "VCCore", "VCAudio", "VCNet", "VCPortMap", "VCSignaling", "VCHelp", "CVCLinux",
                "CNcurses", "CINIH",
            ],
            exclude: ["Demo/Samples"]),

        // Tests.
        .target(
            name: "VCTestKit",
            dependencies: ["VCCore", "VCRelay", "VCSignaling", "CNetworkNamespace"],
            path: "Tests/VCTestKit",
            swiftSettings: optimisedTestKit),
        .testTarget(
            name: "VCCoreTests", dependencies: ["VCCore", "VCTestKit", "CSodium"],
            exclude: ["Vectors"]),
        .testTarget(
            name: "VCNetTests",
            dependencies: ["VCNet", "VCCore", "VCSignaling", "VCTestKit", "CAllocationCounter"]),
        .testTarget(
            name: "VCPortMapTests", dependencies: ["VCPortMap", "VCNet", "VCCore", "VCTestKit"]),
        .testTarget(
            name: "VCSignalingTests",
            dependencies: ["VCSignaling", "VCNet", "VCCore", "VCTestKit"]),
        .testTarget(
            name: "VCRelayTests",
            dependencies: ["VCRelay", "VCNet", "VCCore", "VCTestKit", "CAllocationCounter"]),
        .testTarget(
            name: "vcTests",
            dependencies: [
                "vc", "VCCore", "VCAudio", "VCPortMap", "VCHelp", "VCSignaling", "VCRelay",
                "VCTestKit", "CVCLinux",
            ],
            exclude: ["Snapshots"]),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .target(
            name: "CNetworkNamespace", path: "Tests/CNetworkNamespace",
            cSettings: [.define("_GNU_SOURCE")]),
        .target(
            name: "ALSAFixture", path: "Tests/ALSAFixture",
            cSettings: [.define("_GNU_SOURCE"), .define("PIC")],
            linkerSettings: [.linkedLibrary("asound")]),
        .target(name: "PluginFixture", path: "Tests/PluginFixture"),
        .target(
            name: "ALSATestKit", dependencies: ["ALSAFixture"], path: "Tests/ALSATestKit"),
        .target(
            name: "VCAudioTestKit", dependencies: ["VCAudio", "VCCore"],
            path: "Tests/VCAudioTestKit",
            swiftSettings: optimisedTestKit),
        .testTarget(
            name: "VCAudioTests",
            dependencies: [
                "VCAudio", "VCCore", "VCTestKit", "VCAudioTestKit", "CAllocationCounter",
                "CVCLinux", "ALSATestKit", "PluginFixture",
            ]),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["VCCore", "VCSignaling", "VCRelay", "VCTestKit"]),
        // Starts vc and vc-signal, so they are built with it.
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "vc", "vc-signal", "vc-relay", "VCCore", "VCNet", "VCTestKit", "ALSATestKit",
            ]),
        .testTarget(name: "TidyTests"),

        // Benchmarks: the codec path beside the same calls in C. Run by Tools/bench/run.
        .target(
            name: "CCodecLoop", dependencies: ["COpus", "CSodium"], path: "Tools/bench/CCodecLoop"),
        .executableTarget(
            name: "vc-bench",
            dependencies: [
                "VCCore", "VCAudio", "VCTestKit", "VCAudioTestKit", "CCodecLoop",
                "CAllocationCounter", "CVCLinux",
            ],
            path: "Tools/bench/VCBench"),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// Appended here, so that no target can forget them.
let warningsAreErrors = Context.environment["VC_WARNINGS_AS_ERRORS"] == "1"
let cTargets = [
    "CVCLinux", "CVCProcessing", "PluginFixture", "CAllocationCounter", "CNetworkNamespace",
    "ALSAFixture", "CCodecLoop",
]
for target in package.targets where [.regular, .executable, .test].contains(target.type) {
    guard !cTargets.contains(target.name) else { continue }
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableExperimentalFeature("Lifetimes"),
        ]
    if target.type != .test, !["VCTestKit", "ALSATestKit", "VCAudioTestKit"].contains(target.name) {
        target.swiftSettings?.append(.strictMemorySafety())
    }
    if warningsAreErrors {
        target.swiftSettings?.append(.treatAllWarnings(as: .error))
    }
}
