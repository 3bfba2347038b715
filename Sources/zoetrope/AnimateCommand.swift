import ArgumentParser
import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeMedia

/// The command `zoetrope animate`.
struct AnimateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "animate",
        abstract: "Animates one image and writes an MP4.",
        discussion: """
            IMAGE is a JPEG, PNG or WebP, 64 pixels to 50 megapixels, of any
            orientation. The path of the finished video is printed on standard output;
            progress and remarks go to standard error.

            The video appears under its name only when it is complete and checked.
            Ctrl-C leaves nothing behind.

            Examples:
              zoetrope animate photo.jpg
              zoetrope animate photo.jpg -o walk.mp4 --poster walk.jpg --duration 6
              zoetrope animate photo.jpg --motion pan-left --resolution 1080p --json
            """
    )

    @Argument(help: ArgumentHelp("The image to animate.", valueName: "image"))
    var image: String

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp(
            "The video to write; replaced if it exists. Default: the image's name with .mp4 in the current folder, which must not exist yet.",
            valueName: "out.mp4"
        )
    )
    var output: String?

    @Option(help: ArgumentHelp("Also write frame 0 as a JPEG; replaced if it exists.", valueName: "file.jpg"))
    var poster: String?

    @Option(help: "Model: local (the built-in renderer).")
    var model = VideoModel.local.alias

    @Option(help: "What the camera does.")
    var motion = Motion.standard

    @Option(help: "How the camera is held.")
    var camera = Camera.standard

    @Option(help: "Area of the picture: 480p, 720p or 1080p; the photo's aspect is kept between 9:16 and 16:9.")
    var resolution = Resolution.standard.rawValue

    @Option(help: "Seconds: 5, 6, or 10 (paid tier). Default: 5")
    var duration: Int?

    @Option(help: "Whose limits apply.")
    var tier = Tier.free

    @Option(help: "What should happen, in words, up to 500 characters. The local renderer does not use it.")
    var prompt: String?

    @Option(help: "Chooses among equally good random details; the same seed makes the same video.")
    var seed: UInt64 = 0

    @Flag(help: "Print one JSON object instead of the path.")
    var json = false

    @Flag(help: "No progress and no remarks; errors only.")
    var quiet = false

    @OptionGroup(title: "Settings") var options: SettingsOptions

    /// The largest image file that the command reads: a 50-megapixel PNG with 16-bit samples fits.
    private static let limits = ImageLimits(maxBytes: 400_000_000)

    func run() async throws {
        let settings = try options.load()
        let request = try validatedRequest()
        let targets = try OutputTargets(image: image, video: output, poster: poster)
        let photo = try readPhoto()

        do {
            let tools = try await settings.mediaTools()
            if !quiet { remark(settings) }
            try await animate(photo, request, to: targets, with: PhotoAnimator(tools: tools))
        } catch let error as MediaError {
            throw error.code == .toolMissing
                ? CommandFailure.usage(error.message) : CommandFailure.failed(error.message)
        } catch let error as Errno {
            throw CommandFailure.failed("The video could not be made: \(error)")
        }
    }

    private func validatedRequest() throws -> AnimationRequest {
        guard let videoModel = VideoModel.named(model) else {
            let known = VideoModel.all.map(\.alias).joined(separator: ", ")
            throw CommandFailure.usage("--model \"\(model)\" is not known; this version has: \(known)")
        }
        do {
            return try AnimationRequest(
                model: videoModel,
                motion: motion,
                camera: camera,
                resolution: resolution,
                seconds: duration,
                tier: tier,
                prompt: prompt,
                seed: seed
            )
        } catch {
            let given = ["resolution": resolution, "duration": duration.map(String.init), "prompt": nil]
            let lines = error.problems.map { problem in
                let value = given[problem.field]?.map { " \"\($0)\"" } ?? ""
                let hint = if case .paidPlan = problem.rule { " (--tier paid)" } else { "" }
                return "--\(problem.field)\(value): \(problem.message)\(hint)"
            }
            throw CommandFailure.usage(lines.joined(separator: "\nError: "))
        }
    }

    private func readPhoto() throws -> StillImage {
        do {
            return try StillImage(parsing: SourceFile.read(image, limit: Self.limits.maxBytes), limits: Self.limits)
        } catch let error as ImageError {
            throw CommandFailure.failed("\"\(image)\": \(error.message)")
        }
    }

    private func remark(_ settings: Settings) {
        Console.error(
            settings.replicateToken == nil
                ? "Using the local renderer: a camera move over your photo, made on this machine, without AI."
                : "Using the local renderer: REPLICATE_API_TOKEN is set, but this version does not call Replicate yet."
        )
        if prompt != nil { Console.error("The local renderer does not use the prompt.") }
    }

    private func animate(
        _ photo: StillImage,
        _ request: AnimationRequest,
        to targets: OutputTargets,
        with animator: PhotoAnimator
    ) async throws {
        let scratch = try ScratchFolder(in: targets.folder)
        defer { scratch.remove() }
        let progress = ProgressPrinter(style: quiet ? .none : Console.isTerminal ? .bar : .lines)
        defer { progress.finish() }

        let clip = try await animator.animate(
            photo,
            request,
            in: scratch.path,
            wantsPoster: targets.poster != nil,
            onProgress: progress.show
        )
        try Task.checkCancellation()
        try targets.publish(clip, scratch: scratch)
        progress.finish()
        try Console.result(result(clip, request, targets))
    }

    private func result(_ clip: RenderedClip, _ request: AnimationRequest, _ targets: OutputTargets) throws -> String {
        guard json else { return targets.video.string }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let result = AnimateResult(
            path: targets.video.string,
            poster: targets.poster?.string,
            model: request.model.alias,
            seconds: clip.seconds,
            width: clip.size.width,
            height: clip.size.height,
            fps: clip.framesPerSecond,
            cost: 0
        )
        return String(decoding: try encoder.encode(result), as: UTF8.self)
    }
}

/// What `--json` prints.
private struct AnimateResult: Encodable {
    let path: String
    let poster: String?
    let model: String
    let seconds: Int
    let width: Int
    let height: Int
    let fps: Int
    /// US dollars; the local renderer is free.
    let cost: Double
}

extension Motion: ExpressibleByArgument {}
extension Camera: ExpressibleByArgument {}
extension Tier: ExpressibleByArgument {}
