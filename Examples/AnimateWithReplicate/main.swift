import Replicate

let replicate = try ReplicateClient()  // REPLICATE_API_TOKEN, and REPLICATE_BASE_URL for a simulator
let photo = try await replicate.uploadFile(at: "photo.jpg", contentType: "image/jpeg")
let prediction = try await replicate.createPrediction(
    .model("minimax/video-01-live"),
    input: ["prompt": "The person walks forward.", "first_frame_image": .string(photo.url)],
    cancelAfter: .seconds(20 * 60)
)
print("started \(prediction.id)")
let result = try await replicate.waitUntilTerminal(prediction.id) { print($0.status) }
guard let video = result.outputFiles.first else {
    fatalError("no video: \(result.failure?.description ?? result.status.rawValue)")
}
let file = try await replicate.download(video, to: "video.mp4")
print("video.mp4 has \(file.size) bytes")
