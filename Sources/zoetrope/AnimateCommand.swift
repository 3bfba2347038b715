import ArgumentParser
import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeWorkflow

/// The command `zoetrope animate`.
struct AnimateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "animate",
        abstract: "Animates one image and writes an MP4.",
        discussion: """
            IMAGE is a JPEG, PNG or WebP, 64 pixels to 50 megapixels, of any
            orientation. The path of the finished video is printed on standard output;
            progress and remarks go to standard error.

            With REPLICATE_API_TOKEN set, a model on Replicate makes the video; without
            it, or with --model local, the built-in renderer does.

            The video appears under its name only when it is complete and checked. Ctrl-C
            leaves nothing behind, unless a model was paid for: then the same command,
            given again within the hour, goes on and does not pay twice.

            Examples:
              zoetrope animate photo.jpg
              zoetrope animate photo.jpg -o walk.mp4 --poster walk.jpg --duration 6
              zoetrope animate photo.jpg --motion pan-left --resolution 1080p --json
              zoetrope animate photo.jpg --model replicate_wan --prompt "She turns and smiles"
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

    @Option(
        help:
            "Model: local, replicate_video_01_live, replicate_wan, or one of the models file. Default: replicate_wan with a token, else local."
    )
    var model: String?

    @Option(help: "What the camera does.")
    var motion = Motion.standard

    @Option(help: "How the camera is held.")
    var camera = Camera.standard

    @Option(help: "Area of the picture: 480p, 720p or 1080p; the photo's aspect is kept between 9:16 and 16:9.")
    var resolution = Resolution.standard.rawValue

    @Option(help: "Seconds: what the model offers, its first by default; local: 5, 6, or 10 (paid tier).")
    var duration: Int?

    @Option(help: "Whose limits apply.")
    var tier = Tier.free

    @Option(help: "What should happen, in words, up to 500 characters; replicate_wan needs it, local does not use it.")
    var prompt: String?

    @Option(help: "Chooses among equally good random details; the same seed makes the same video.")
    var seed: UInt64?

    @Flag(help: "Print one JSON object instead of the path.")
    var json = false

    @Flag(help: "No progress and no remarks; errors only.")
    var quiet = false

    @OptionGroup(title: "Settings") var options: SettingsOptions

    /// The largest image file that the command reads: a 50-megapixel PNG with 16-bit samples fits.
    private static let limits = ImageLimits(maxBytes: 400_000_000)

    /// The models that this command can run so far.
    private static let catalogue = ModelCatalogue([.local])

    func run() async throws {
        let settings = try options.load()
        let request = try validatedRequest(settings)
        let targets = try OutputTargets(image: image, video: output, poster: poster)
        let photo = try SourceFile.read(image, limit: Self.limits.maxBytes)
        do {
            // A bad image is refused before anything is set up.
            _ = try StillImage(parsing: photo, limits: Self.limits)
        } catch {
            throw CommandFailure.failed("\"\(image)\": \(error.message)")
        }
        if !quiet { remark(request, settings) }

        let progress = ProgressPrinter(style: quiet ? .none : Console.isTerminal ? .bar : .lines)
        defer { progress.finish() }
        let animation = OneAnimation(
            settings: settings,
            request: request,
            tier: tier,
            photo: photo,
            limits: Self.limits
        )
        let finished = try await animation.run(to: targets, progress)
        progress.finish()
        try Console.result(result(finished, request, targets))
    }

    private func validatedRequest(_ settings: Settings) throws -> AnimationRequest {
        let usual = settings.catalogue.defaultModel(for: .photo, hasProvider: settings.hasProvider)
        guard let videoModel = model.map(settings.catalogue.named) ?? usual else {
            let known = settings.catalogue.models.map(\.alias).joined(separator: ", ")
            throw CommandFailure.usage("--model \"\(model ?? "")\" is not known; there are: \(known)")
        }
        if videoModel.provider == .replicate, settings.replicate == nil {
            throw CommandFailure.usage("--model \"\(videoModel.alias)\" needs REPLICATE_API_TOKEN")
        }
        if videoModel.provider == .cog, settings.cogURL == nil {
            throw CommandFailure.usage("--model \"\(videoModel.alias)\" needs \(Setting.cogURL.environment)")
        }
        if videoModel.provider == .openAIVideos, settings.openAIVideos == nil {
            throw CommandFailure.usage("--model \"\(videoModel.alias)\" needs \(Setting.openAIVideosURL.environment)")
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
                return "--\(problem.field)\(value): \(problem.message)\(hint(problem.rule, videoModel))"
            }
            throw CommandFailure.usage(lines.joined(separator: "\nError: "))
        }
    }

    private func hint(_ rule: RequestError.Rule, _ model: VideoModel) -> String {
        switch rule {
        case .paidPlan: " (--tier paid)"
        case .prompt where prompt == nil: " (model \(model.alias) needs --prompt)"
        default: ""
        }
    }

    private func remark(_ request: AnimationRequest, _ settings: Settings) {
        if settings.dailyBudget != nil, request.model.provider == .replicate {
            Console.error(
                "ZOETROPE_DAILY_BUDGET_USD is compared with this animation alone; only the service keeps a day's books."
            )
        }
        guard request.model.provider == .local else {
            let price = request.model.price(resolution: request.resolution, seconds: request.seconds)
            let cost = price == .zero ? "" : ", about $\(price)"
            return Console.error(
                "Using \(request.model.name.isEmpty ? request.model.alias : request.model.name)\(cost)."
            )
        }
        Console.error("Using the local renderer: a camera move over your photo, made on this machine, without AI.")
        if prompt != nil { Console.error("The local renderer does not use the prompt.") }
    }

    private func result(_ finished: FinishedAnimation, _ request: AnimationRequest, _ targets: OutputTargets) throws
        -> String
    {
        guard json else { return targets.video.string }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let result = AnimateResult(
            path: targets.video.string,
            poster: targets.poster?.string,
            model: request.model.alias,
            seconds: finished.video.seconds,
            width: finished.video.size.width,
            height: finished.video.size.height,
            fps: finished.video.framesPerSecond,
            cost: finished.cost.usd
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
    /// US dollars, as booked; the local renderer is free.
    let cost: Double
}

extension Motion: ExpressibleByArgument {}
extension Camera: ExpressibleByArgument {}
extension Tier: ExpressibleByArgument {}
